// The images of a group in a row, below the comparison.

const dialog = document.querySelector(".hashing-compare");
const strip = dialog.querySelector(".hashing-compare__filmstrip");

export function showFilmstrip(cards, active, choose) {
  const isKept = strip.contains(document.activeElement);
  strip.replaceChildren(...cards.map((card) => makeItem(card, card === active, choose)));
  const button = strip.querySelector("[aria-current=true]");
  button?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (isKept) button?.focus({ preventScroll: true });
}

function makeItem(card, isActive, choose) {
  const button = document.createElement("button");
  button.type = "button";
  button.ariaCurrent = String(isActive);
  // One stop for the tabulator: the arrows move from image to image.
  button.tabIndex = isActive ? 0 : -1;
  button.ariaLabel = [card.dataset.name, ...signsOf(card)].join(", ");
  button.title = card.dataset.name;
  button.append(makePreview(card), makeSign(card));
  button.addEventListener("click", () => choose(card.dataset.image));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function makePreview(card) {
  const image = document.createElement("img");
  image.alt = "";
  image.loading = "lazy";
  const source = card.querySelector(".hashing-preview")?.src;
  if (source) image.src = source;
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
