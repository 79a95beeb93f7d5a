// Where the focus goes: from card to card, row to row, group to group and page to page.
// The cards of a group are one tab stop, and the controls of its current card another one, with arrows inside.

import { OPEN_GROUP, pageBeyond } from "./continuation.js";

const review = document.querySelector(".hashing-review");
const toolbar = review.querySelector(".hashing-toolbar");
const CONTROLS = "a[href], button:not([hidden]):not(:disabled), input";
const STORED_PLACE = "hashing:focus";
let currentCard = null;

setTabStops();
review.addEventListener("hashing:groups-changed", setTabStops);
review.addEventListener("focusin", (event) => {
  const card = event.target.closest(".hashing-member");
  if (!card) return;
  currentCard = card;
  setTabStopsOf(card.closest(".hashing-group"), card);
  if (event.target !== card) setControlStop(card, event.target);
});
review.addEventListener("hashing:reveal", (event) => reveal(event.target));
new ResizeObserver(measureToolbar).observe(toolbar);
focusFirst();

export function moveCard(step) {
  const cards = [...review.querySelectorAll(".hashing-member")];
  const index = cards.indexOf(currentCard);
  if (!currentCard?.contains(document.activeElement)) return focusCard(cards[Math.max(index, 0)]);
  const next = cards[index + step];
  if (next) return focusCard(next);
  loadPage(step);
}

// To the nearest card of the next row. The rows follow from how wide the page is.
export function moveRow(step) {
  if (!currentCard?.isConnected) return moveCard(1);
  const others = cardsOf(currentCard.closest(".hashing-group")).filter((card) => step * (top(card) - top(currentCard)) > 1);
  if (!others.length) return moveGroup(step);
  const nextTop = step * Math.min(...others.map((card) => step * top(card)));
  const row = others.filter((card) => Math.abs(top(card) - nextTop) <= 1);
  focusCard(row.reduce((best, card) => (sideways(card) < sideways(best) ? card : best)));
}

export function moveGroup(step, from = currentCard?.closest(".hashing-group")) {
  const groups = [...review.querySelectorAll(".hashing-group")];
  const next = groups[groups.indexOf(from) + step];
  if (next) return focusCard(next.querySelector(".hashing-member"));
  const url = pageBeyond(step);
  if (url) location.assign(url);
}

// Within the controls of a card, from its first to its last and around.
export function moveControl(control, step) {
  const controls = controlsOf(control.closest(".hashing-member"));
  controls.at((controls.indexOf(control) + step) % controls.length).focus();
}

// The next page of a large group; the next group where there is none.
function loadPage(step) {
  const link = review.querySelector(`.hashing-pager [rel=${step > 0 ? "next" : "prev"}]`);
  if (!link) return moveGroup(step);
  sessionStorage.setItem(STORED_PLACE, step > 0 ? "first" : "last");
  link.click();
}

// Unless a link leads to a group of this page: the first question. On a page of a large group, the image that follows
// the one from where the user came.
function focusFirst() {
  const place = sessionStorage.getItem(STORED_PLACE);
  sessionStorage.removeItem(STORED_PLACE);
  const cards = [...review.querySelectorAll(".hashing-member")];
  if (place) return focusCard(place === "last" ? cards.at(-1) : cards[1]);
  if (location.hash) return;
  const openGroup = review.querySelector(OPEN_GROUP);
  (openGroup ?? review).querySelector(".hashing-member")?.focus({ preventScroll: true });
}

export function focusCard(card) {
  if (!card) return;
  card.focus({ preventScroll: true });
  reveal(card);
}

// Scrolls to the whole group if there is room for it.
function reveal(card) {
  measureToolbar();
  const group = card.closest(".hashing-group");
  const element = group.offsetHeight < window.innerHeight * 0.8 ? group : card;
  element.scrollIntoView({ block: "nearest" });
}

// What has the focus stays above the bar, however high its message makes it.
function measureToolbar() {
  document.documentElement.style.setProperty("--bar-height", `${toolbar.offsetHeight}px`);
}

function setTabStops() {
  for (const group of review.querySelectorAll(".hashing-group")) {
    const cards = cardsOf(group);
    setTabStopsOf(group, cards.find((card) => card === currentCard) ?? cards[0]);
  }
}

function setTabStopsOf(group, current) {
  for (const card of cardsOf(group)) {
    card.tabIndex = card === current ? 0 : -1;
    setControlStop(card, card === current ? controlsOf(card)[0] : null);
  }
}

function setControlStop(card, control) {
  for (const other of controlsOf(card)) other.tabIndex = other === control ? 0 : -1;
}

function cardsOf(group) {
  return [...group.querySelectorAll(".hashing-member")];
}

function controlsOf(card) {
  return [...card.querySelectorAll(CONTROLS)];
}

function top(card) {
  return card.getBoundingClientRect().top;
}

function sideways(card) {
  return Math.abs(card.getBoundingClientRect().left - currentCard.getBoundingClientRect().left);
}
