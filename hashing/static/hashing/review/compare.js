// Two images on top of each other, at the same scale and in the same orientation.

const review = document.querySelector(".hashing-review");
const dialog = document.querySelector(".hashing-compare");
const stage = dialog.querySelector(".hashing-compare__stage");
const opacitySlider = dialog.querySelector("input");
const GLANCE_MILLISECONDS = 300;
// Above this difference of two ratios, one image is cropped. Below, it is rounding, which would shift all details.
const MAX_ROUNDING = 0.03;
// By the number of an orientation, the transformation that turns the image upright.
const TO_UPRIGHT = {
  1: "",
  2: "scaleX(-1)",
  3: "rotate(180deg)",
  4: "scaleY(-1)",
  5: "matrix(0, 1, 1, 0, 0, 0)",
  6: "rotate(-90deg)",
  7: "matrix(0, -1, -1, 0, 0, 0)",
  8: "rotate(90deg)",
};
let comparedCards = [];
let heldSince = 0;

review.addEventListener("hashing:open-compare", (event) => {
  const card = event.target;
  if (!card.matches(".hashing-member--keeper")) compare(keeperCard(card), card);
});
stage.addEventListener("pointerdown", hold);
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", release);
stage.addEventListener("keydown", (event) => {
  if (event.key === " ") event.preventDefault();
});
opacitySlider.addEventListener("input", () => stage.style.setProperty("--opacity", opacitySlider.value / 100));
dialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.mode) setMode(button.dataset.mode);
  if (button?.dataset.verdict) decide(button.dataset.verdict);
});
dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === " " && event.target === stage) return hold();
  [...dialog.querySelectorAll("[data-key]")].find((button) => button.dataset.key === event.key)?.click();
});
dialog.addEventListener("keyup", (event) => {
  if (event.key === " ") release();
});

function keeperCard(card) {
  return card.closest(".hashing-group").querySelector(".hashing-member--keeper");
}

function compare(...cards) {
  comparedCards = cards;
  cards[1].focus({ preventScroll: true });
  stage.style.setProperty("--ratio", uprightRatio(cards[0]));
  dialog.querySelector(".hashing-compare__failure").hidden = cards.every((card) => card.dataset.fullPreview);
  draw(cards[0], "first");
  draw(cards[1], "second");
  for (const button of dialog.querySelectorAll("[data-verdict]")) button.hidden = !verdictButton(button.dataset.verdict);
  dialog.dataset.shown = "first";
  setMode(dialog.dataset.mode);
  dialog.showModal();
  stage.focus();
}

// Width divided by height of the upright image.
function uprightRatio(card) {
  const { width, height } = card.dataset;
  if (!Number(width) || !Number(height)) return 4 / 3;
  return isTransposed(card) ? height / width : width / height;
}

function isTransposed(card) {
  return Number(card.dataset.orientation) > 4;
}

function draw(card, side) {
  const image = stage.querySelector(`[data-side=${side}] img`);
  image.src = card.dataset.fullPreview;
  image.alt = card.dataset.name;
  image.style.transform = `translate(-50%, -50%) ${TO_UPRIGHT[card.dataset.orientation]}`;
  image.classList.toggle("hashing-compare__image--transposed", isTransposed(card));
  const difference = Math.abs(uprightRatio(card) / uprightRatio(comparedCards[0]) - 1);
  image.style.objectFit = difference < MAX_ROUNDING ? "fill" : "contain";
  describe(card, dialog.querySelector(`.hashing-compare__names [data-side=${side}]`));
}

function describe(card, item) {
  const name = document.createElement("strong");
  name.append(isolatedText(card.dataset.name));
  item.replaceChildren(name, card.querySelector(".hashing-chips").cloneNode(true));
}

// Text of another direction must not turn its surroundings.
function isolatedText(text) {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
}

function flip() {
  dialog.dataset.shown = dialog.dataset.shown === "first" ? "second" : "first";
}

function setMode(mode) {
  dialog.dataset.mode = mode;
  for (const button of dialog.querySelectorAll(".hashing-compare__modes button")) {
    button.ariaPressed = String(button.dataset.mode === mode);
  }
}

// The button on the card of the second image, if the first one is the keeper.
function verdictButton(name) {
  const isWithKeeper = comparedCards[0].matches(".hashing-member--keeper");
  return isWithKeeper ? comparedCards[1].querySelector(`[name=${name}]`) : null;
}

function decide(name) {
  const button = verdictButton(name);
  if (!button) return;
  dialog.close();
  button.click();
}

// A short press flips to the other image; a long one shows it for a glance.
function hold() {
  if (dialog.dataset.mode !== "flip") return;
  heldSince = performance.now();
  flip();
}

function release() {
  if (heldSince && performance.now() - heldSince > GLANCE_MILLISECONDS) flip();
  heldSince = 0;
}
