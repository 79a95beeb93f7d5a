// The keyboard: from picture to picture and group to group, and a key for every button.

const review = document.querySelector(".review");
const help = document.querySelector(".review-keys");
const helpButton = review.querySelector(".review-help");
const MOVES = {
  ArrowRight: () => moveCard(1),
  j: () => moveCard(1),
  ArrowLeft: () => moveCard(-1),
  k: () => moveCard(-1),
  ArrowDown: () => moveGroup(1),
  ArrowUp: () => moveGroup(-1),
};
const CARD_BUTTONS = {
  Enter: "[name=keep]",
  s: "[name=same]",
  n: "[name=different]",
  c: ".review-compare",
  x: ".hashing-card-image",
};
let last = null;

helpButton.hidden = false;
helpButton.addEventListener("click", () => help.showModal());
document.addEventListener("keydown", react);
review.addEventListener("focusin", (event) => {
  last = event.target.closest(".review-card") ?? last;
});
review.addEventListener("review:reveal", (event) => reveal(event.target));
if (!location.hash) startCard()?.focus({ preventScroll: true });

function startCard() {
  return review.querySelector(".review-group:not(.review-decided) .review-card") ?? review.querySelector(".review-card");
}

function react(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?" && help.open) return help.close();
  if (document.querySelector("dialog[open]") || event.target.matches("input, textarea, select")) return;
  const done = MOVES[event.key] ? move(event.key) : !event.repeat && press(event);
  if (done) event.preventDefault();
}

function move(key) {
  MOVES[key]();
  return true;
}

function press(event) {
  if (event.key === "?") return click(helpButton);
  if (event.key === "u") return click(review.querySelector(".review-undo button"));
  const card = event.target.closest(".review-card");
  // On a link or a button, Enter is what it is everywhere.
  if (!card || (event.key === "Enter" && event.target !== card)) return false;
  if (event.key === "o") return click(card.closest(".review-group").querySelector(".review-open"));
  return click(CARD_BUTTONS[event.key] && card.querySelector(CARD_BUTTONS[event.key]));
}

function click(element) {
  element?.click();
  return Boolean(element);
}

function moveCard(step) {
  const cards = [...review.querySelectorAll(".review-card")];
  const here = cards.indexOf(last);
  show(isFocused() ? cards[here + step] : cards[Math.max(here, 0)]);
}

function moveGroup(step) {
  const groups = [...review.querySelectorAll(".review-group")];
  const here = groups.indexOf(last?.closest(".review-group"));
  const next = groups[here + step];
  if (next) return show(next.querySelector(".review-card"));
  const address = step > 0 ? review.dataset.nextPage : review.dataset.previousPage;
  if (address) location.assign(address);
}

function isFocused() {
  return Boolean(last?.contains(document.activeElement));
}

function show(card) {
  if (!card) return;
  card.focus({ preventScroll: true });
  reveal(card);
}

// The whole group, if there is room for it.
function reveal(card) {
  const group = card.closest(".review-group");
  const element = group.offsetHeight < window.innerHeight * 0.8 ? group : card;
  element.scrollIntoView({ block: "nearest" });
}
