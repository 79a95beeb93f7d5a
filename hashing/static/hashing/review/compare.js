// The dialog with the images of a group at full size, one after the other beside the keeper: which two it shows, and
// what follows after a decision. Two images that are selected are compared with each other.

import { describeDecisions, describeDrawing, describePair, verdictButton } from "./captions.js";
import { linkBeyond, nextGroup, OPEN_GROUP, pageBeyond, storePlace, takePlace } from "./continuation.js";
import { moveDivider } from "./divider.js";
import { pictures, resetZoom, showPair } from "./loupe.js";
import { clearPicture } from "./picture.js";
import { loadGroup } from "./seen.js";

const review = document.querySelector(".hashing-review");
const toolbarMessage = review.querySelector(".hashing-toolbar__message");
const dialog = document.querySelector(".hashing-compare");
const stage = dialog.querySelector(".hashing-compare__stage");
const message = dialog.querySelector(".hashing-compare__message");
const undoButton = dialog.querySelector(".hashing-compare__undo");
const nextGroupButton = dialog.querySelector(".hashing-compare__next-group");
// The card of each side. Decisions replace the cards, which are found again by their images.
const sides = { first: null, second: null };
// The image beside which the others are shown, if it is not the keeper.
let reference = null;
let chosenMode = dialog.dataset.mode;
let revealed = null;
let isWaiting = false;
// Moves that were asked for while a decision is sent: they are about what its answer shows.
const pending = [];

review.addEventListener("hashing:open-loupe", (event) => open(event.target, "flip"));
review.addEventListener("hashing:open-compare", (event) => open(event.target, chosenMode));
review.addEventListener("click", comparePair);
review.addEventListener("hashing:reveal", (event) => {
  revealed = event.target.closest(".hashing-member");
});
review.addEventListener("hashing:groups-changed", follow);
review.addEventListener("hashing:answered", movePending);
review.addEventListener("hashing:notices-changed", () => dialog.open && describeDecisions(sides));
new MutationObserver(mirrorMessage).observe(toolbarMessage, { childList: true, characterData: true, subtree: true });
addEventListener("pagehide", () => {
  // After the last group of a page, the next page continues where this one ended.
  if (dialog.open && isWaiting) storePlace(chosenMode);
});
dialog.addEventListener("close", leave);
stage.addEventListener("hashing:drawn", describeDrawing);
reopen();

function reopen() {
  const place = takePlace();
  if (place) open(place.card, place.mode);
}

function comparePair(event) {
  if (!event.target.closest(".hashing-selection__compare")) return;
  const boxes = event.target.closest(".hashing-group").querySelectorAll("[name=image]:checked");
  const [first, second] = [...boxes].map((box) => box.closest(".hashing-member"));
  reference = first.dataset.image;
  open(second, chosenMode);
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
  reference = null;
  for (const picture of Object.values(pictures)) clearPicture(picture);
  card?.focus({ preventScroll: true });
  card?.dispatchEvent(new Event("hashing:reveal", { bubbles: true }));
}

function keeperCard(card) {
  return card.closest(".hashing-group").querySelector(".hashing-member--keeper");
}

function currentGroup() {
  return sides.first.closest(".hashing-group");
}

function cardsBeside(card) {
  return [...card.closest(".hashing-group").querySelectorAll(".hashing-member")];
}

// Shows a card beside the reference; the reference beside the image that was there, or the first undecided one.
function show(card) {
  const cards = cardsBeside(card);
  const first = cards.find((other) => other.dataset.image === reference) ?? keeperCard(card);
  const others = cards.filter((other) => other !== first);
  if (sides.first?.dataset.image !== first.dataset.image) resetZoom();
  const companion = others.find((other) => other === sides.second) ?? others.find(isOpen) ?? others[0] ?? first;
  sides.first = first;
  sides.second = card === first ? companion : card;
  dialog.dataset.shown = card === first ? "first" : "second";
  showPair(sides.first, sides.second);
  loadGroup(currentGroup());
  describe();
}

function describe() {
  describePair(sides, cardsBeside(sides.first));
  undoButton?.toggleAttribute("hidden", !pageUndoButton());
  nextGroupButton.hidden = !nextGroup(currentGroup(), 1) && !pageBeyond(1);
}

function isOpen(card) {
  return card.matches(".hashing-member--open");
}

export function showImage(key) {
  show(cardsBeside(sides.first).find((card) => card.dataset.image === key));
}

export function showNext(step) {
  const cards = cardsBeside(sides.first);
  const next = cards[cards.indexOf(sides[dialog.dataset.shown]) + step];
  if (next) show(next);
  else showBeyond(step);
}

// Shows the images of the group on another page.
export function showBeyond(step) {
  const link = linkBeyond(currentGroup(), step);
  if (!link) return;
  storePlace(chosenMode, sides[dialog.dataset.shown].dataset.image, step);
  link.click();
}

export function showNextGroup(step) {
  reference = null;
  const group = nextGroup(currentGroup(), step);
  if (group) return show(group.querySelector(".hashing-member"));
  const url = pageBeyond(step);
  if (!url) return;
  storePlace(chosenMode);
  location.assign(url);
}

export function moveWhenAnswered(move) {
  if ("sending" in review.dataset) pending.push(move);
  else move();
}

function movePending() {
  const moves = pending.splice(0);
  // The page that follows the last group begins with its first question.
  if (!dialog.open || !review.querySelector(".hashing-member")) return;
  for (const move of moves) move();
}

// Shows the card that the page has chosen after a decision, or closes after the last one.
function follow() {
  const hasDecided = isWaiting;
  isWaiting = false;
  if (!dialog.open) return;
  if (hasDecided) reference = null;
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

export function chooseMode(mode) {
  chosenMode = mode;
  setMode(mode);
}

function setMode(mode) {
  dialog.dataset.mode = mode;
  for (const button of dialog.querySelectorAll(".hashing-compare__modes button")) {
    button.ariaPressed = String(button.dataset.mode === mode);
  }
}

export function activate(side) {
  dialog.dataset.shown = side;
  describe();
  describeDrawing();
}

export function flip() {
  activate(dialog.dataset.shown === "first" ? "second" : "first");
}

export function decide(button) {
  const target = verdictButton(button, sides);
  if (!target) return;
  // The page says that this came too soon.
  if (review.ariaBusy === "true") return target.click();
  const isUnclear = target.closest(".hashing-group[data-no-clear-keeper] .hashing-member--keeper");
  if (isUnclear && !window.confirm(review.dataset.textNoClearKeeper)) return;
  revealed = null;
  target.click();
  // The page has sent nothing if the editor has answered its question with no.
  isWaiting = review.ariaBusy === "true";
}

function pageUndoButton() {
  return review.querySelector(".hashing-toolbar__undo button");
}

export function undo() {
  if (review.ariaBusy !== "true") revealed = null;
  pageUndoButton()?.click();
}

// Loads the page again, after somebody else has decided.
export function reload() {
  storePlace(chosenMode, sides[dialog.dataset.shown].dataset.image);
  location.reload();
}
