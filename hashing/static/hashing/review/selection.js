// Several images of one group at once: their checkboxes, ranges with Shift, and the bar that decides about them.

const review = document.querySelector(".hashing-review");
let lastBox = null;

review.addEventListener("click", (event) => {
  if (event.target.matches("[name=image]")) select(event.target, event.shiftKey);
  else if (event.target.closest(".hashing-group__select-all")) selectAll(event.target);
  else if (event.target.closest(".hashing-selection__clear")) clear(event.target.closest(".hashing-group"), true);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  for (const group of review.querySelectorAll(".hashing-group")) clear(group);
});
review.addEventListener("hashing:groups-changed", showSelections);
showSelections();

// With Shift, all boxes from the one that was clicked before get the state of this one.
function select(box, isRange) {
  const boxes = boxesOf(groupOf(box));
  const ends = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((first, second) => first - second);
  if (isRange && ends[0] >= 0) for (const other of boxes.slice(ends[0], ends[1] + 1)) other.checked = box.checked;
  lastBox = box;
  showSelection(groupOf(box));
  // The bar may have come to lie upon its buttons.
  box.closest(".hashing-member").scrollIntoView({ block: "nearest" });
}

function selectAll(target) {
  if (!target.matches("input")) return;
  for (const box of boxesOf(groupOf(target))) box.checked = target.checked;
  showSelection(groupOf(target));
}

function clear(group, isFocusLost = false) {
  const boxes = boxesOf(group);
  const first = boxes.find((box) => box.checked);
  if (!first) return;
  for (const box of boxes) box.checked = false;
  showSelection(group);
  if (isFocusLost) first.closest(".hashing-member").focus({ preventScroll: true });
}

function showSelections() {
  for (const group of review.querySelectorAll(".hashing-group")) if (boxesOf(group).length) showSelection(group);
}

function showSelection(group) {
  const boxes = boxesOf(group);
  const count = boxes.filter((box) => box.checked).length;
  const bar = group.querySelector(".hashing-selection");
  bar.classList.toggle("hashing-selection--empty", count === 0);
  bar.querySelector(".hashing-selection__clear").hidden = false;
  bar.querySelector(".hashing-selection__compare").hidden = count !== 2;
  const text = bar.querySelector(".hashing-selection__count");
  text.textContent = count ? text.dataset.text.replace("#", count) : "";
  // For the style sheet, which keeps what has the focus above the bar.
  group.style.setProperty("--selection-height", `${bar.offsetHeight}px`);
  for (const box of boxes) box.closest(".hashing-member").classList.toggle("hashing-member--selected", box.checked);
  showAll(group.querySelector(".hashing-group__select-all"), count, boxes.length);
}

function showAll(label, count, total) {
  const box = label.querySelector("input");
  label.hidden = false;
  box.checked = count === total;
  box.indeterminate = count > 0 && count < total;
}

function groupOf(element) {
  return element.closest(".hashing-group");
}

function boxesOf(group) {
  return [...group.querySelectorAll("[name=image]")];
}
