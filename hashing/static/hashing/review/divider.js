// The divider of the mode "swipe": left of it is one image, right of it the other one.

const stage = document.querySelector(".hashing-compare__stage");
const divider = stage.querySelector(".hashing-compare__divider");
const STEP = 2;

divider.addEventListener("pointerdown", (event) => {
  // What moves the divider does not move the pictures.
  event.stopPropagation();
  if (!event.button) divider.setPointerCapture(event.pointerId);
});
divider.addEventListener("pointermove", (event) => {
  if (divider.hasPointerCapture(event.pointerId)) drag(event);
});
divider.addEventListener("dblclick", (event) => event.stopPropagation());
divider.addEventListener("keydown", moveByKey);

export function moveDivider(percent) {
  const position = Math.round(Math.min(Math.max(percent, 0), 100));
  divider.ariaValueNow = String(position);
  stage.style.setProperty("--divider", `${position}%`);
}

function drag(event) {
  const { left, width } = stage.getBoundingClientRect();
  moveDivider((100 * (event.clientX - left)) / width);
}

function moveByKey(event) {
  const position = Number(divider.ariaValueNow);
  const target = {
    ArrowLeft: position - STEP,
    ArrowDown: position - STEP,
    ArrowRight: position + STEP,
    ArrowUp: position + STEP,
    Home: 0,
    End: 100,
  }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  moveDivider(target);
}
