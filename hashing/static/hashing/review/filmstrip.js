// The images of a group in a row, below the comparison, and between the links to those on other pages.

import { linkBeyond } from "./continuation.js";

const dialog = document.querySelector(".hashing-compare");
const strip = dialog.querySelector(".hashing-compare__filmstrip");

export function showFilmstrip(cards, active) {
  const isKept = strip.contains(document.activeElement);
  const group = active.closest(".hashing-group");
  const [before, after] = [makeLink(linkBeyond(group, -1), -1), makeLink(linkBeyond(group, 1), 1)];
  strip.replaceChildren(...before, ...cards.map((card) => makeItem(card, card === active)), ...after);
  const button = strip.querySelector("[aria-current=true]");
  button?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (isKept) button?.focus({ preventScroll: true });
}

function makeLink(link, step) {
  if (!link) return [];
  const button = document.createElement("button");
  button.type = "button";
  button.className = "hashing-compare__beyond";
  button.dataset.step = step;
  button.textContent = link.textContent;
  return [inItem(button)];
}

function makeItem(card, isActive) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.image = card.dataset.image;
  button.ariaCurrent = String(isActive);
  // One stop for the tabulator: the arrows move from image to image.
  button.tabIndex = isActive ? 0 : -1;
  button.ariaLabel = [card.dataset.name, ...signsOf(card)].join(", ");
  button.title = card.dataset.name;
  button.append(makePreview(card), makeSign(card));
  return inItem(button);
}

function inItem(button) {
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function makePreview(card) {
  const image = document.createElement("img");
  image.alt = "";
  image.loading = "lazy";
  const preview = card.querySelector(".hashing-preview");
  if (preview) [image.src, image.className] = [preview.src, preview.className];
  return image;
}

export function signsOf(card) {
  if (card.matches(".hashing-member--keeper")) return [dialog.dataset.textKeeper];
  return card.matches(".hashing-member--open") ? [] : [dialog.dataset.textDecided];
}

function makeSign(card) {
  const sign = document.createElement("span");
  sign.ariaHidden = "true";
  sign.className = "hashing-compare__sign";
  sign.textContent = card.matches(".hashing-member--keeper") ? "★" : card.matches(".hashing-member--open") ? "" : "✓";
  return sign;
}
