// What the comparison says about its two images: names, differences, notices of the page, and what can be decided.

import { showFilmstrip, signsOf } from "./filmstrip.js";
import { currentFit, isActual, pictures, scaleOf } from "./loupe.js";

const dialog = document.querySelector(".hashing-compare");
const notice = dialog.querySelector(".hashing-compare__notice");

// `sides` has the two cards, `cards` are all of their group.
export function describePair(sides, cards) {
  const active = sides[dialog.dataset.shown];
  const position = dialog.querySelector(".hashing-compare__position");
  position.replaceChildren(`${placeOf(active, cards)}: `, isolatedText(fileName(active)), ...signsOf(active).map((sign) => ` (${sign})`));
  dialog.toggleAttribute("data-without-keeper", !Object.values(sides).some(isKeeper));
  for (const [side, card] of Object.entries(sides)) describeCard(card, side);
  describeDecisions(sides);
  showFilmstrip(cards, active);
}

// What can be decided about the two, and why nothing can.
export function describeDecisions(sides) {
  for (const button of dialog.querySelectorAll("[data-verdict]")) describeVerdict(button, verdictButton(button, sides));
  showNotices(sides.first.closest(".hashing-group"));
}

function placeOf(card, cards) {
  const hidden = Number(card.closest(".hashing-group").dataset.hiddenCount ?? 0);
  const text = hidden ? dialog.dataset.textPositionOnPage : dialog.dataset.textPosition;
  return text
    .replace("{place}", cards.indexOf(card) + 1)
    .replace("{count}", cards.length)
    .replace("{total}", cards.length + hidden);
}

function describeCard(card, side) {
  const caption = dialog.querySelector(`.hashing-compare__caption[data-side=${side}]`);
  const button = caption.querySelector("button");
  const name = document.createElement("span");
  // The folder comes before the file, whatever the direction of the page.
  name.dir = "auto";
  name.append(...card.querySelector(".hashing-name a").cloneNode(true).childNodes);
  button.replaceChildren(name, ...signsOf(card).map((sign) => ` · ${sign}`));
  button.ariaLabel = [card.dataset.name, ...signsOf(card)].join(", ");
  button.title = card.dataset.name;
  button.ariaPressed = String(side === dialog.dataset.shown);
  caption.querySelector(".hashing-chips")?.remove();
  caption.append(card.querySelector(".hashing-chips").cloneNode(true));
}

function fileName(card) {
  return card.dataset.name.split("/").at(-1);
}

// Text of another direction must not turn its surroundings.
function isolatedText(text) {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
}

// The button on a card that a button of the dialog stands for: on that of the active image, or of the one beside the
// keeper if the verdict is about the two. Null if there is none.
export function verdictButton(button, sides) {
  const card = "aboutGroup" in button.dataset ? sides[dialog.dataset.shown] : besideKeeper(sides);
  return card?.querySelector(`button[name=${button.dataset.verdict}]`) ?? null;
}

function besideKeeper({ first, second }) {
  if (isKeeper(first)) return second;
  return isKeeper(second) ? first : null;
}

function isKeeper(card) {
  return card.matches(".hashing-member--keeper");
}

function describeVerdict(button, target) {
  button.hidden = !target;
  if (!target) return;
  button.disabled = target.disabled;
  button.ariaLabel = target.ariaLabel ?? `${target.textContent.trim()}: ${target.closest(".hashing-member").dataset.name}`;
}

// The page behind the dialog says that somebody else has decided about the group, or is looking at it.
function showNotices(group) {
  const change = group.querySelector(".hashing-group__change");
  const viewers = group.querySelector(".hashing-group__viewers");
  // Without the button of the notice.
  const text = change?.firstChild.textContent ?? "";
  const alert = notice.querySelector("[role=alert]");
  notice.hidden = !change;
  if (alert.textContent !== text) alert.textContent = text;
  dialog.querySelector(".hashing-compare__viewers").textContent = viewers?.textContent ?? "";
}

export function describeDrawing() {
  const active = pictures[dialog.dataset.shown];
  dialog.querySelector(".hashing-compare__scale").textContent = `${Math.round(100 * scaleOf(active))}%`;
  const current = currentFit() ?? (isActual() ? "actual" : "");
  for (const button of dialog.querySelectorAll("[data-zoom][aria-pressed]")) {
    button.ariaPressed = String(button.dataset.zoom === current);
  }
  for (const { view, state, note } of Object.values(pictures)) {
    view.querySelector(".hashing-compare__note").textContent = state === "preview" ? dialog.dataset.textPreview : note;
  }
}
