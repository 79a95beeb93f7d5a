// Decisions without loading the page anew: a form is sent, and its group replaced by what comes back.

const review = document.querySelector(".review");
const list = review.querySelector(".review-groups");
const OPEN_CARDS = ".review-group:not(.review-decided) .review-card";
const LEFT_WITH = "review:message";
// Milliseconds in which nobody can have looked at what is new on the page. A second Enter, or the second click of a
// double click, was meant for what stood there before.
const UNSEEN = 400;

review.addEventListener("submit", (event) => {
  event.preventDefault();
  if (review.ariaBusy !== "true" && isMeant(event.target, event.submitter)) send(event.target, event.submitter);
});

// Of a group that is not shown as a whole, nobody should keep one by a slip.
function isMeant(form, button) {
  const hidden = form.closest(".review-group")?.dataset.hidden;
  return !hidden || button.name !== "keep" || window.confirm(review.dataset.askHidden);
}

// However slow the server is, the second click of a double click has no button of its own.
review.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest("form[method=post] button")) event.preventDefault();
});

async function send(form, button) {
  review.ariaBusy = "true";
  const answer = await ask(form, button);
  if (answer) settle(form.closest(".review-group"), button, answer);
  await takeDecisions(answer ? UNSEEN : 0);
}

async function takeDecisions(after) {
  review.ariaBusy = "true";
  await new Promise((resolve) => setTimeout(resolve, after));
  review.ariaBusy = "false";
}

async function ask(form, button) {
  try {
    const options = { method: "POST", body: new FormData(form, button), headers: { Accept: "application/json" } };
    const response = await fetch(form.getAttribute("action"), options);
    if (response.ok || response.status === 409) return { ...(await response.json()), isRefusal: !response.ok };
    tell(review.dataset.refused, true);
  } catch (error) {
    // A page in place of an answer is that of the log-in.
    tell(error instanceof SyntaxError ? review.dataset.refused : review.dataset.lost, true);
  }
  return null;
}

function tell(text, isError) {
  const message = review.querySelector(".review-message");
  message.textContent = text;
  message.classList.toggle("review-error", isError);
}

function settle(group, button, answer) {
  const wanted = group ? followers(group, button, answer.isRefusal) : answer.keys;
  const following = replaceGroups(group, answer);
  tell(answer.message, answer.isRefusal);
  review.querySelector(".review-undo").innerHTML = answer.undo;
  if (!list.children.length) return leave(answer.message);
  follow();
  focusNext(group || isAboutOnePicture(answer.keys, following) ? wanted : [], following);
  review.dispatchEvent(new Event("review:changed"));
}

// After any other undo the keeper comes first: whoever presses Enter once more keeps the one that is suggested.
function isAboutOnePicture(keys, following) {
  return keys.length === 2 && following[0]?.querySelectorAll(".review-card").length > 2;
}

// The pictures to look at next, in this order: those behind the one that was decided about.
function followers(group, button, isRefusal) {
  const keys = [...group.querySelectorAll(".review-undecided")].map((card) => Number(card.dataset.picture));
  const decided = keys.indexOf(Number(button.value));
  return isRefusal ? [Number(button.value)] : [...keys.slice(decided + 1), ...keys.slice(0, Math.max(decided, 0))];
}

// Returns the new groups and what stands behind them.
function replaceGroups(group, answer) {
  const fresh = fragment(answer.html);
  const stale = new Set([...list.children].filter((other) => other === group || shows(other, answer.keys)));
  const following = [...fresh.children, ...behind(group ?? [...stale][0], stale)];
  list.insertBefore(fresh, [...list.children].find((other) => stale.has(other)) ?? current() ?? null);
  stale.forEach((other) => other.remove());
  return following;
}

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

function shows(group, keys) {
  return keys.some((key) => group.querySelector(`[data-picture="${key}"]`));
}

function behind(group, stale) {
  const all = [...list.children];
  return all.slice(all.indexOf(group) + 1).filter((other) => !stale.has(other));
}

function current() {
  return document.activeElement.closest(".review-group") ?? list.firstElementChild;
}

function focusNext(wanted, following) {
  const cards = following.flatMap((group) => [...group.querySelectorAll(".review-card")]);
  const card =
    wanted.map((key) => cards.find((other) => isUndecided(other, key))).find(Boolean) ??
    cards.find((other) => other.matches(OPEN_CARDS)) ??
    list.querySelector(OPEN_CARDS) ??
    list.querySelector(".review-card");
  card.focus({ preventScroll: true });
  card.dispatchEvent(new Event("review:reveal", { bubbles: true }));
}

function isUndecided(card, key) {
  return card.matches(".review-undecided") && Number(card.dataset.picture) === key;
}

// The page of a group has another address when its group was made anew.
function follow() {
  const address = list.firstElementChild.dataset.address;
  if (address !== location.pathname + location.search) history.replaceState(null, "", address);
}

function leave(message) {
  sessionStorage.setItem(LEFT_WITH, message);
  location.assign(review.dataset.after || location.pathname + location.search);
}

function tellWhatWasLeftWith() {
  const message = sessionStorage.getItem(LEFT_WITH);
  sessionStorage.removeItem(LEFT_WITH);
  if (message) tell(message, false);
}

tellWhatWasLeftWith();
takeDecisions(UNSEEN);
