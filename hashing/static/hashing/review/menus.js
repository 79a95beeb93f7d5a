// Menus close by a press outside, by Escape, and when a size was chosen.

const page = document.querySelector(".hashing-review-page");

document.addEventListener("pointerdown", (event) => closeAll(event.target.closest(".hashing-menu")));
document.addEventListener("keydown", closeByKey, { capture: true });
page.addEventListener("change", () => closeAll());

function closeAll(except) {
  for (const menu of page.querySelectorAll(".hashing-menu[open]")) if (menu !== except) menu.open = false;
}

// Escape closes the menu and nothing else.
function closeByKey(event) {
  const menu = page.querySelector(".hashing-menu[open]");
  if (event.key !== "Escape" || !menu) return;
  event.stopPropagation();
  if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  closeAll();
}
