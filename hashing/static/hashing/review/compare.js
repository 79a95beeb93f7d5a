// The images of a group at full size, one after the other beside a keeper, with the same buttons as on their cards.

import { showFilmstrip, signsOf } from "./filmstrip.js";
import { currentFit, moveDivider, panTo, pictures, resetZoom, scaleOf, showPair, zoomIn, zoomTo } from "./loupe.js";
import { clearPicture } from "./picture.js";

const review = document.querySelector(".hashing-review");
const toolbarMessage = review.querySelector(".hashing-toolbar__message");
const dialog = document.querySelector(".hashing-compare");
const stage = dialog.querySelector(".hashing-compare__stage");
const opacitySlider = dialog.querySelector("input");
const message = dialog.querySelector(".hashing-compare__message");
const undoButton = dialog.querySelector(".hashing-compare__undo");
const GLANCE_MILLISECONDS = 300;
// After the last group of a page, the next page continues where this one ended.
const REOPEN = "hashing:compare";
const OPEN_GROUP = ".hashing-group:not(.hashing-group--decided)";
const ZOOMS = {
  in: () => zoomIn(1),
  out: () => zoomIn(-1),
  fit: () => zoomTo("fit"),
  fill: () => zoomTo("fill"),
  actual: () => zoomTo("actual"),
};
const FORWARD = getComputedStyle(document.documentElement).direction === "rtl" ? -1 : 1;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEPS = { ArrowRight: FORWARD, ArrowLeft: -FORWARD, j: 1, k: -1 };
// The card of each side. Decisions replace the cards, which are found again by their images.
const sides = { first: null, second: null };
let chosenMode = dialog.dataset.mode;
let revealed = null;
let heldSince = 0;
let isWaiting = false;

review.addEventListener("hashing:open-loupe", (event) => open(event.target, "flip"));
review.addEventListener("hashing:open-compare", (event) => open(event.target, chosenMode));
review.addEventListener("hashing:reveal", (event) => {
  revealed = event.target.closest(".hashing-member");
});
review.addEventListener("hashing:groups-changed", follow);
new MutationObserver(mirrorMessage).observe(toolbarMessage, { childList: true, characterData: true, subtree: true });
addEventListener("pagehide", () => {
  if (dialog.open && isWaiting) sessionStorage.setItem(REOPEN, chosenMode);
});
dialog.addEventListener("click", handleClick);
dialog.addEventListener("keydown", handleKey);
dialog.addEventListener("keyup", (event) => {
  if (event.key === " ") endGlance();
});
dialog.addEventListener("close", leave);
stage.addEventListener("hashing:tap", tap);
stage.addEventListener("hashing:drawn", describeDrawing);
opacitySlider.addEventListener("input", () => stage.style.setProperty("--opacity", opacitySlider.value / 100));
reopen();

function reopen() {
  const mode = sessionStorage.getItem(REOPEN);
  sessionStorage.removeItem(REOPEN);
  const card = review.querySelector(`${OPEN_GROUP} .hashing-member`);
  if (mode && card) open(card, mode);
}

function open(target, mode) {
  const card = target.closest(".hashing-member");
  message.textContent = "";
  setMode(mode);
  moveDivider(50);
  dialog.showModal();
  show(card);
  stage.focus();
}

function leave() {
  const card = sides[dialog.dataset.shown];
  for (const picture of Object.values(pictures)) clearPicture(picture);
  card?.focus({ preventScroll: true });
  card?.dispatchEvent(new Event("hashing:reveal", { bubbles: true }));
}

function keeperCard(card) {
  return card.closest(".hashing-group").querySelector(".hashing-member--keeper");
}

function cardsBeside(card) {
  return [...card.closest(".hashing-group").querySelectorAll(".hashing-member")];
}

// Shows a card beside the keeper of its group; the keeper beside the image that was there, or the first undecided one.
function show(card) {
  const keeper = keeperCard(card);
  const others = cardsBeside(card).filter((other) => other !== keeper);
  if (sides.first?.dataset.image !== keeper.dataset.image) resetZoom();
  const companion = others.find((other) => other === sides.second) ?? others.find(isOpen) ?? others[0] ?? keeper;
  sides.first = keeper;
  sides.second = card === keeper ? companion : card;
  dialog.dataset.shown = card === keeper ? "first" : "second";
  showPair(sides.first, sides.second);
  describe();
}

function isOpen(card) {
  return card.matches(".hashing-member--open");
}

function showNext(step) {
  const cards = cardsBeside(sides.first);
  const next = cards[cards.indexOf(sides[dialog.dataset.shown]) + step];
  if (next) show(next);
}

function showNextGroup(step) {
  const groups = [...review.querySelectorAll(OPEN_GROUP)];
  const current = sides.first.closest(".hashing-group");
  const next = groups.filter((group) => isBehind(group, current) === step > 0 && group !== current);
  const group = step > 0 ? next[0] : next.at(-1);
  if (group) show(group.querySelector(".hashing-member"));
}

function isBehind(element, other) {
  return Boolean(other.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING);
}

// Goes on after a decision, with the card that the page has chosen.
function follow() {
  const hasDecided = isWaiting;
  isWaiting = false;
  if (!dialog.open) return;
  const next = revealed?.isConnected ? revealed : review.querySelector(`${OPEN_GROUP} .hashing-member`);
  if (!next || (hasDecided && !next.closest(OPEN_GROUP))) return dialog.close();
  show(next);
}

function mirrorMessage() {
  const isError = toolbarMessage.matches(".hashing-toolbar__message--error");
  message.textContent = toolbarMessage.textContent;
  message.classList.toggle("hashing-compare__message--error", isError);
  if (isError) isWaiting = false;
}

// What the dialog says about the two images.

function describe() {
  const cards = cardsBeside(sides.first);
  const active = sides[dialog.dataset.shown];
  const place = dialog.dataset.textPosition
    .replace("{place}", cards.indexOf(active) + 1)
    .replace("{count}", cards.length);
  const position = dialog.querySelector(".hashing-compare__position");
  position.replaceChildren(`${place}: `, isolatedText(active.dataset.name), ...signsOf(active).map((sign) => ` (${sign})`));
  for (const [side, card] of Object.entries(sides)) describeCard(card, side);
  for (const button of dialog.querySelectorAll("[data-verdict]")) describeVerdict(button);
  undoButton?.toggleAttribute("hidden", !pageUndoButton());
  dialog.querySelector(".hashing-compare__next-group").hidden = review.querySelectorAll(OPEN_GROUP).length < 2;
  showFilmstrip(cards, active, (key) => show(cards.find((card) => card.dataset.image === key)));
}

function describeCard(card, side) {
  const caption = dialog.querySelector(`.hashing-compare__caption[data-side=${side}]`);
  const name = document.createElement("strong");
  name.append(isolatedText(card.dataset.name));
  const button = caption.querySelector("button");
  button.replaceChildren(name, ...signsOf(card).map((sign) => ` · ${sign}`));
  button.ariaPressed = String(side === dialog.dataset.shown);
  caption.querySelector(".hashing-chips")?.remove();
  caption.append(card.querySelector(".hashing-chips").cloneNode(true));
}

function describeVerdict(button) {
  const target = verdictButton(button);
  button.hidden = !target;
  if (!target) return;
  button.ariaLabel = target.ariaLabel ?? `${target.textContent.trim()}: ${target.closest(".hashing-member").dataset.name}`;
}

function describeDrawing() {
  const active = pictures[dialog.dataset.shown];
  dialog.querySelector(".hashing-compare__scale").textContent = `${Math.round(100 * scaleOf(active))}%`;
  for (const button of dialog.querySelectorAll("[data-zoom]")) {
    if (button.dataset.zoom.length > 3) button.ariaPressed = String(button.dataset.zoom === currentFit());
  }
  for (const { view, state, note } of Object.values(pictures)) {
    view.querySelector(".hashing-compare__note").textContent = state === "preview" ? dialog.dataset.textPreview : note;
  }
}

// Text of another direction must not turn its surroundings.
function isolatedText(text) {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
}

// What is done by mouse, keyboard and touch.

function handleClick(event) {
  const button = event.target.closest("button");
  if (!button) return;
  const { mode, zoom, verdict, side } = button.dataset;
  if (mode) chooseMode(mode);
  if (zoom) ZOOMS[zoom]();
  if (verdict && event.detail < 2) decide(button);
  if (side) activate(side);
  if (button === undoButton && event.detail < 2) undo();
  if (button.matches(".hashing-compare__next-group")) showNextGroup(1);
}

function handleKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === opacitySlider) return;
  const onButton = event.target.matches("button") && [" ", "Enter"].includes(event.key);
  if (onButton && !event.target.closest(".hashing-compare__filmstrip")) return;
  if (moveByKey(event) || pressByKey(event)) event.preventDefault();
}

function moveByKey(event) {
  const arrow = ARROWS[event.key];
  if (arrow && (event.shiftKey || arrow[1])) return panTo(...arrow) || true;
  if (STEPS[event.key]) return showNext(STEPS[event.key]) || true;
  if (event.key === "G") return showNextGroup(-1) || true;
  if (event.key === "=") return zoomIn(1) || true;
  return false;
}

function pressByKey(event) {
  if (event.key === " ") return event.repeat || glance() || true;
  const button = [...dialog.querySelectorAll("[data-key]")].find((each) => each.dataset.key === event.key);
  const mayRepeat = button?.dataset.zoom || button?.matches(".hashing-compare__next-group");
  if (button && !button.hidden && (mayRepeat || !event.repeat)) button.click();
  return Boolean(button);
}

function chooseMode(mode) {
  chosenMode = mode;
  setMode(mode);
}

function setMode(mode) {
  dialog.dataset.mode = mode;
  for (const button of dialog.querySelectorAll(".hashing-compare__modes button")) {
    button.ariaPressed = String(button.dataset.mode === mode);
  }
}

function activate(side) {
  dialog.dataset.shown = side;
  describe();
  describeDrawing();
}

function flip() {
  activate(dialog.dataset.shown === "first" ? "second" : "first");
}

// In flip mode a click shows the other image; where both are visible, the one that was clicked becomes the active one.
function tap(event) {
  const side = event.target.closest(".hashing-compare__view")?.dataset.side;
  if (dialog.dataset.mode === "flip") flip();
  else if (dialog.dataset.mode === "side" && side) activate(side);
}

// A short press of the key flips to the other image, a long one shows it for a glance.
function glance() {
  heldSince = performance.now();
  flip();
}

function endGlance() {
  if (heldSince && performance.now() - heldSince > GLANCE_MILLISECONDS) flip();
  heldSince = 0;
}

// The button on a card: on that of the active image, or of the one beside the keeper if the verdict is about the two.
function verdictButton(button) {
  const card = "aboutGroup" in button.dataset ? sides[dialog.dataset.shown] : sides.second;
  return card.querySelector(`button[name=${button.dataset.verdict}]`);
}

function decide(button) {
  const target = verdictButton(button);
  if (!target || review.ariaBusy === "true") return;
  const isUnclear = target.closest(".hashing-group[data-no-clear-keeper] .hashing-member--keeper");
  if (isUnclear && !window.confirm(review.dataset.textNoClearKeeper)) return;
  revealed = null;
  target.click();
  // Not if a question of the page was answered with no.
  isWaiting = review.ariaBusy === "true";
}

function pageUndoButton() {
  return review.querySelector(".hashing-toolbar__undo button");
}

function undo() {
  if (review.ariaBusy === "true") return;
  revealed = null;
  pageUndoButton()?.click();
}
