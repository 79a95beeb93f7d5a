// The keyboard: a key for every move and every button.

import { focusCard, moveCard, moveControl, moveGroup, moveRow } from "./navigation.js";
import { areSeen } from "./seen.js";

const review = document.querySelector(".hashing-review");
const help = document.querySelector(".hashing-keys");
const helpButton = document.querySelector(".hashing-controls__help");
const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select";
// The arrows follow the direction of writing.
const FORWARD = document.dir === "rtl" ? -1 : 1;
const MOVES = {
  ArrowRight: () => moveCard(FORWARD),
  ArrowLeft: () => moveCard(-FORWARD),
  ArrowDown: () => moveRow(1),
  ArrowUp: () => moveRow(-1),
  j: () => moveCard(1),
  k: () => moveCard(-1),
  g: () => moveGroup(1),
  G: () => moveGroup(-1),
};
const STEPS_INSIDE = { ArrowRight: FORWARD, ArrowLeft: -FORWARD };
const DIALOGS = { c: "hashing:open-compare", z: "hashing:open-loupe" };
// Keys that decide nothing, pressed while a decision is sent: they are about what its answer shows.
const pending = [];

helpButton.hidden = false;
helpButton.addEventListener("click", () => help.showModal());
document.addEventListener("keydown", handleKey);
review.addEventListener("click", handleClick);
review.addEventListener("hashing:groups-changed", showButtons);
review.addEventListener("hashing:answered", pressPending);
showButtons();

// Shows the buttons that do nothing without scripts.
function showButtons() {
  for (const button of review.querySelectorAll(".hashing-next-group, .hashing-member__compare")) button.hidden = false;
}

function handleClick(event) {
  if (event.target.closest(".hashing-next-group")) return moveGroup(1, event.target.closest(".hashing-group"));
  const card = event.target.closest(".hashing-member");
  if (event.target.closest(".hashing-member__compare")) return open(card, "c");
  if (!event.target.closest(".hashing-member__picture") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(card, "z");
}

function open(card, key) {
  return card.dispatchEvent(new CustomEvent(DIALOGS[key], { bubbles: true }));
}

function handleKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?" && help.open) return help.close();
  if (document.querySelector("dialog[open]") || event.target.matches(TYPING)) return;
  // The arrows choose among radio buttons.
  if (event.target.matches("[type=radio]") && event.key.startsWith("Arrow")) return;
  if ("sending" in review.dataset && decidesNothing(event.key)) return keepPending(event);
  const isHandled = moveInside(event) || (MOVES[event.key] ? move(event.key) : !event.repeat && press(event));
  if (isHandled) event.preventDefault();
}

function decidesNothing(key) {
  return key in MOVES || key in DIALOGS || ["x", " ", "o"].includes(key);
}

function keepPending(event) {
  event.preventDefault();
  if (!event.repeat) pending.push(event.key);
}

// The page that follows the last group begins with its first question.
function pressPending() {
  const keys = pending.splice(0);
  if (!review.querySelector(".hashing-member")) return;
  for (const key of keys) {
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  }
}

// Moves from a control of a card to the others, and back to the card.
function moveInside(event) {
  const card = event.target.closest(".hashing-member");
  if (!card || event.target === card) return false;
  if (event.key === "Escape") focusCard(card);
  const step = STEPS_INSIDE[event.key];
  if (step) moveControl(event.target, step);
  return Boolean(step);
}

function move(key) {
  MOVES[key]();
  return true;
}

function press(event) {
  if (event.key === "?") return click(helpButton);
  if (event.key === "u") return click(review.querySelector(".hashing-toolbar__undo button"));
  const selectionButton = buttonAboutSelection(event);
  if (selectionButton) return click(selectionButton);
  const card = event.target.closest(".hashing-member");
  // On a link or a button of the card, Enter follows the link or presses the button.
  if (!card || (event.key === "Enter" && event.target !== card)) return false;
  if (DIALOGS[event.key]) return open(card, event.key);
  if (event.key === "o") return click(card.closest(".hashing-group").querySelector(".hashing-group__link"));
  if (event.key === "x" || (event.key === " " && event.target === card)) return click(card.querySelector("[name=image]"));
  const button = [...card.querySelectorAll("[data-key]")].find((each) => each.dataset.key === event.key);
  if (event.key === "Enter" && button && !confirmKeeper(card, button)) return true;
  return click(button);
}

// While images are selected, the key of a verdict is about them, not about the image that has the focus.
function buttonAboutSelection(event) {
  if (event.key === "Enter" && event.target.matches("a, button, input, summary")) return null;
  const group = event.target.closest(".hashing-group") ?? review.querySelector(".hashing-group:has([name=image]:checked)");
  if (!group?.querySelector("[name=image]:checked")) return null;
  return [...group.querySelectorAll(".hashing-selection [data-key]:not([hidden])")].find((button) => button.dataset.key === event.key);
}

// Enter goes from one suggestion to the next. One that is hardly better than the others needs a second thought.
function confirmKeeper(card, button) {
  // The press is held back.
  if (review.ariaBusy === "true" || !areSeen(button)) return true;
  const isUnclear = card.matches(".hashing-group[data-no-clear-keeper]:not(.hashing-group--decided) .hashing-member--keeper");
  return !isUnclear || window.confirm(review.dataset.textNoClearKeeper);
}

function click(element) {
  element?.click();
  return Boolean(element);
}
