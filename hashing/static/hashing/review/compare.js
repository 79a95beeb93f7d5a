// Two pictures on top of each other, at the same scale and in the same orientation.

const review = document.querySelector(".review");
const dialog = document.querySelector(".compare");
const stage = dialog.querySelector(".compare-stage");
const slider = dialog.querySelector("input");
const MODES = ["flip", "overlay", "difference", "side"];
const GLANCE = 300;
// What brings a copy back, by the number of its orientation.
const BACK = {
  1: "none",
  2: "scaleX(-1)",
  3: "rotate(180deg)",
  4: "scaleY(-1)",
  5: "matrix(0, 1, 1, 0, 0, 0)",
  6: "rotate(-90deg)",
  7: "matrix(0, -1, -1, 0, 0, 0)",
  8: "rotate(90deg)",
};
let selected = null;
let compared = [];
let heldSince = 0;

for (const button of review.querySelectorAll(".review-compare")) button.hidden = false;
review.addEventListener("review:changed", () => {
  for (const button of review.querySelectorAll(".review-compare")) button.hidden = false;
});
review.addEventListener("click", (event) => {
  const card = event.target.closest(".review-card");
  if (event.target.closest(".review-compare")) compare(keeperOf(card), card);
  else if (event.target.closest(".hashing-card-image") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    select(card);
  }
});

function keeperOf(card) {
  return card.closest(".review-group").querySelector(".review-keeper");
}

function select(card) {
  const first = selected?.isConnected ? selected : null;
  unselect();
  if (first === card) return;
  if (first && keeperOf(first) === keeperOf(card)) return compare(...inOrder(first, card));
  selected = card;
  card.classList.add("review-selected");
}

function unselect() {
  selected?.classList.remove("review-selected");
  selected = null;
}

function inOrder(first, second) {
  const isBehind = first.compareDocumentPosition(second) & Node.DOCUMENT_POSITION_PRECEDING;
  return isBehind ? [second, first] : [first, second];
}

function compare(...cards) {
  compared = cards;
  unselect();
  cards[1].focus({ preventScroll: true });
  stage.style.setProperty("--ratio", ratio(cards[0]));
  dialog.querySelector(".compare-failed").hidden = cards.every((card) => card.dataset.full);
  cards.forEach(draw);
  const verdict = dialog.querySelector(".compare-verdict");
  if (verdict) verdict.hidden = !verdictButton("same");
  showSide("first");
  setMode(dialog.dataset.mode);
  dialog.showModal();
  stage.focus();
}

// Of the picture as it is drawn.
function ratio(card) {
  const { width, height } = card.dataset;
  if (!Number(width) || !Number(height)) return 4 / 3;
  return isTurned(card) ? height / width : width / height;
}

function isTurned(card) {
  return Number(card.dataset.orientation) > 4;
}

function draw(card, index) {
  const side = index ? "second" : "first";
  const picture = stage.querySelector(`[data-side=${side}] img`);
  picture.src = card.dataset.full;
  picture.alt = card.dataset.name;
  picture.style.transform = `translate(-50%, -50%) ${BACK[card.dataset.orientation].replace("none", "")}`;
  picture.classList.toggle("compare-turned", isTurned(card));
  // A copy of another size is off by a part of a pixel, and would never lie exactly on top.
  picture.style.objectFit = Math.abs(ratio(card) / ratio(compared[0]) - 1) < 0.03 ? "fill" : "contain";
  describe(dialog.querySelector(`.compare-names [data-side=${side}]`), card);
}

function describe(item, card) {
  const name = document.createElement("strong");
  // A name of another direction turns nothing around it.
  name.append(document.createElement("bdi"));
  name.firstChild.textContent = card.dataset.name;
  const facts = [...card.querySelectorAll(".hashing-card-details li")].map((fact) => fact.textContent);
  const rest = document.createElement("bdi");
  rest.textContent = facts.join(" · ");
  item.replaceChildren(name, " ", rest);
}

function showSide(side) {
  dialog.dataset.shown = side;
}

function flip() {
  showSide(dialog.dataset.shown === "first" ? "second" : "first");
}

function setMode(mode) {
  dialog.dataset.mode = mode;
  for (const button of dialog.querySelectorAll(".compare-modes button")) {
    button.ariaPressed = String(button.dataset.mode === mode);
  }
}

function verdictButton(name) {
  const isWithKeeper = compared[0].matches(".review-keeper");
  return isWithKeeper ? compared[1].querySelector(`[name=${name}]`) : null;
}

function decide(name) {
  const button = verdictButton(name);
  if (!button) return;
  dialog.close();
  button.click();
}

// A short press flips; a long one gives a glance at the other picture.
function hold() {
  if (dialog.dataset.mode !== "flip") return;
  heldSince = performance.now();
  flip();
}

function letGo() {
  if (heldSince && performance.now() - heldSince > GLANCE) flip();
  heldSince = 0;
}

stage.addEventListener("pointerdown", hold);
stage.addEventListener("pointerup", letGo);
stage.addEventListener("pointercancel", letGo);
slider.addEventListener("input", () => stage.style.setProperty("--opacity", slider.value / 100));
dialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.mode) setMode(button.dataset.mode);
  if (button?.dataset.press) decide(button.dataset.press);
});
dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const mode = MODES[Number(event.key) - 1];
  if (mode) setMode(mode);
  else if (event.key === "s") decide("same");
  else if (event.key === "n") decide("different");
  else if (event.key === " " && event.target === stage) hold();
});
dialog.addEventListener("keyup", (event) => {
  if (event.key === " ") letGo();
});
stage.addEventListener("keydown", (event) => {
  if (event.key === " ") event.preventDefault();
});
