// Decisions without reloading the page: a form is sent, and the response replaces the groups that have changed.

import { OPEN_GROUP } from "./continuation.js";
import { areSeen, untilSeen } from "./seen.js";

const review = document.querySelector(".hashing-review");
const groupList = review.querySelector(".hashing-review__groups");
const OPEN_CARDS = `${OPEN_GROUP} .hashing-member`;
const STORED_MESSAGE = "hashing:message";
const message = review.querySelector(".hashing-toolbar__message");
// What the last decision has done, and why a later press did nothing.
let result = "";
let hint = "";
let heldBack = null;

review.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.submitter?.formMethod === "dialog") return;
  if (mayPress(event.submitter) && confirmHidden(event.target, event.submitter)) send(event.target, event.submitter);
});

// The second click of a double click may come before the response.
review.addEventListener("click", (event) => {
  if (event.detail < 2 || !event.target.closest("form[method=post] button[name]")) return;
  event.preventDefault();
  showHint(review.dataset.textTooSoon);
});
review.addEventListener("hashing:seen", () => {
  if (heldBack && areSeen(heldBack)) showHint("");
});

showStoredMessage();
waitUntilSeen();

// Nobody decides about what they cannot have seen; the bar says why nothing happens.
function mayPress(button) {
  heldBack = null;
  if (review.ariaBusy === "true") return showHint(review.dataset.textTooSoon);
  if (areSeen(button)) return true;
  heldBack = button;
  return showHint(review.dataset.textLoading);
}

// A group that is not shown as a whole needs a second thought before all of it is decided.
function confirmHidden(form, button) {
  const hasHidden = "hiddenCount" in (form.closest(".hashing-group")?.dataset ?? {});
  return !hasHidden || !("aboutGroup" in button.dataset) || window.confirm(review.dataset.textConfirmHidden);
}

async function send(form, button) {
  review.ariaBusy = "true";
  review.dataset.sending = "";
  hint = "";
  const response = await post(form, button);
  if (response) update(form.closest(".hashing-group"), button, response);
  delete review.dataset.sending;
  review.dispatchEvent(new Event("hashing:answered"));
  await waitUntilSeen();
}

async function waitUntilSeen() {
  review.ariaBusy = "true";
  await untilSeen();
  review.ariaBusy = "false";
}

// The JSON of a DecisionResponse, null after an error.
async function post(form, button) {
  try {
    const options = { method: "POST", body: new FormData(form, button), headers: { Accept: "application/json" } };
    const response = await fetch(button?.getAttribute("formaction") ?? form.getAttribute("action"), options);
    if (response.ok || response.status === 409) return { ...(await response.json()), isRefusal: !response.ok };
    showMessage(review.dataset.textRefused, true);
  } catch (error) {
    // After the end of a session, the response is the log-in page and no JSON.
    showMessage(error instanceof SyntaxError ? review.dataset.textRefused : review.dataset.textNoAnswer, true);
  }
  return null;
}

function showMessage(text, isError) {
  result = text;
  showTexts();
  message.classList.toggle("hashing-toolbar__message--error", isError);
}

function showHint(text) {
  hint = text;
  showTexts();
}

function showTexts() {
  // A small window shows the beginning.
  message.textContent = [hint, result].filter(Boolean).join(" ");
}

function update(group, button, response) {
  const candidates = group ? nextImages(group, button, response.isRefusal) : response.keys;
  const selected = selectedImages(group, button, response.isRefusal);
  const following = replaceGroups(group, response);
  for (const box of groupList.querySelectorAll("[name=image]")) if (selected.has(box.value)) box.checked = true;
  showMessage(response.message, response.isRefusal);
  review.querySelector(".hashing-toolbar__undo").innerHTML = response.undo;
  document.querySelector(".hashing-session").replaceWith(parseFragment(response.header));
  if (!groupList.children.length) return loadNextGroups(response.message);
  updateUrl();
  const card = focusNext(group || isAboutOneImage(response.keys, following) ? candidates : [], following);
  // First what makes groups and bars higher.
  review.dispatchEvent(new Event("hashing:groups-changed"));
  card.dispatchEvent(new Event("hashing:reveal", { bubbles: true }));
}

// The undecided images of a group in the order of review, from the one behind the decided one. After a refusal, the
// same image again, as after its decision was taken back.
function nextImages(group, button, isRefusal) {
  if (button.name === "take_back") return [imageKey(button.closest(".hashing-member"))];
  const decided = decidedImages(group, button);
  if (isRefusal) return decided;
  const keys = [...group.querySelectorAll(".hashing-member--open")].map(imageKey);
  const index = keys.indexOf(decided.at(-1));
  return [...keys.slice(index + 1), ...keys.slice(0, Math.max(index, 0))].filter((key) => !decided.includes(key));
}

function decidedImages(group, button) {
  if (button.name !== "selected") return [Number(button.value)];
  return [...group.querySelectorAll("[name=image]:checked")].map((box) => Number(box.value));
}

// What stays selected: images that the decision was not about, and all of them after a refusal.
function selectedImages(group, button, isRefusal) {
  const selected = new Set([...groupList.querySelectorAll("[name=image]:checked")].map((box) => box.value));
  if (group && !isRefusal) for (const key of decidedImages(group, button)) selected.delete(String(key));
  return selected;
}

// Whether an undo was about one pair of a larger group. After any other undo the keeper has the focus, so that Enter
// keeps the image that is suggested.
function isAboutOneImage(keys, following) {
  return keys.length === 2 && following[0]?.querySelectorAll(".hashing-member").length > 2;
}

// Replaces the decided group and all others with its images. Returns the new groups and those behind them.
function replaceGroups(group, response) {
  const fresh = parseFragment(response.html);
  const groups = [...groupList.children];
  const stale = new Set(groups.filter((other) => other === group || hasImage(other, response.keys)));
  const following = [...fresh.children, ...groupsBehind(group ?? [...stale][0], stale)];
  groupList.insertBefore(fresh, groups.find((other) => stale.has(other)) ?? currentGroup() ?? null);
  stale.forEach((other) => other.remove());
  return following;
}

function parseFragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

function hasImage(group, keys) {
  return keys.some((key) => group.querySelector(`[data-image="${key}"]`));
}

function groupsBehind(group, stale) {
  const groups = [...groupList.children];
  return groups.slice(groups.indexOf(group) + 1).filter((other) => !stale.has(other));
}

function currentGroup() {
  return document.activeElement.closest(".hashing-group") ?? groupList.firstElementChild;
}

function focusNext(candidates, following) {
  const cards = following.flatMap((group) => [...group.querySelectorAll(".hashing-member")]);
  const openCards = cards.filter((card) => card.matches(".hashing-member--open"));
  const card =
    candidates.map((key) => openCards.find((other) => imageKey(other) === key)).find(Boolean) ??
    cards.find((other) => other.matches(OPEN_CARDS)) ??
    groupList.querySelector(OPEN_CARDS) ??
    groupList.querySelector(".hashing-member");
  card.focus({ preventScroll: true });
  return card;
}

function imageKey(card) {
  return Number(card.dataset.image);
}

// The page of a group has a new URL if the group has a new key.
function updateUrl() {
  const url = groupList.firstElementChild.dataset.pageUrl;
  if (url !== location.pathname + location.search) history.replaceState(null, "", url);
}

function loadNextGroups(message) {
  sessionStorage.setItem(STORED_MESSAGE, message);
  location.assign(review.dataset.urlWhenEmpty || location.pathname + location.search);
}

function showStoredMessage() {
  const message = sessionStorage.getItem(STORED_MESSAGE);
  sessionStorage.removeItem(STORED_MESSAGE);
  if (message) showMessage(message, false);
}
