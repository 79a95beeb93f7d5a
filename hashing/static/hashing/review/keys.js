// The keyboard: from card to card and group to group, and a key for every button.

const review = document.querySelector(".hashing-review");
const help = document.querySelector(".hashing-keys");
const helpButton = review.querySelector(".hashing-toolbar__help");
const MOVES = {
  ArrowRight: () => moveCard(1),
  j: () => moveCard(1),
  ArrowLeft: () => moveCard(-1),
  k: () => moveCard(-1),
  ArrowDown: () => moveGroup(1),
  ArrowUp: () => moveGroup(-1),
};
let lastCard = null;

helpButton.hidden = false;
helpButton.addEventListener("click", () => help.showModal());
document.addEventListener("keydown", handleKey);
review.addEventListener("focusin", (event) => {
  lastCard = event.target.closest(".hashing-member") ?? lastCard;
});
review.addEventListener("hashing:reveal", (event) => reveal(event.target));
if (!location.hash) firstCard()?.focus({ preventScroll: true });

function firstCard() {
  const openGroup = review.querySelector(".hashing-group:not(.hashing-group--decided)");
  return (openGroup ?? review).querySelector(".hashing-member");
}

function handleKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?" && help.open) return help.close();
  if (document.querySelector("dialog[open]") || event.target.matches("input, textarea, select")) return;
  const isHandled = MOVES[event.key] ? move(event.key) : !event.repeat && press(event);
  if (isHandled) event.preventDefault();
}

function move(key) {
  MOVES[key]();
  return true;
}

function press(event) {
  if (event.key === "?") return click(helpButton);
  if (event.key === "u") return click(review.querySelector(".hashing-toolbar__undo button"));
  const card = event.target.closest(".hashing-member");
  // On a link or a button of the card, Enter follows the link or presses the button.
  if (!card || (event.key === "Enter" && event.target !== card)) return false;
  if (event.key === "o") return click(card.closest(".hashing-group").querySelector(".hashing-group__link"));
  if (event.key === "x") return click(card.querySelector(".hashing-card__image"));
  return click([...card.querySelectorAll("[data-key]")].find((button) => button.dataset.key === event.key));
}

function click(element) {
  element?.click();
  return Boolean(element);
}

function moveCard(step) {
  const cards = [...review.querySelectorAll(".hashing-member")];
  const index = cards.indexOf(lastCard);
  const hasFocus = Boolean(lastCard?.contains(document.activeElement));
  focusCard(hasFocus ? cards[index + step] : cards[Math.max(index, 0)]);
}

function moveGroup(step) {
  const groups = [...review.querySelectorAll(".hashing-group")];
  const next = groups[groups.indexOf(lastCard?.closest(".hashing-group")) + step];
  if (next) return focusCard(next.querySelector(".hashing-member"));
  const url = step > 0 ? review.dataset.nextPageUrl : review.dataset.previousPageUrl;
  if (url) location.assign(url);
}

function focusCard(card) {
  if (!card) return;
  card.focus({ preventScroll: true });
  reveal(card);
}

// Scrolls to the whole group if there is room for it.
function reveal(card) {
  const group = card.closest(".hashing-group");
  const element = group.offsetHeight < window.innerHeight * 0.8 ? group : card;
  element.scrollIntoView({ block: "nearest" });
}
