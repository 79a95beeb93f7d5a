// The size of the cards. The checked radio button decides, in the style sheet; here it is remembered.

const KEY = "hashing:card-size";
const sizes = document.querySelector(".hashing-sizes");
const remembered = sizes.querySelector(`[value="${CSS.escape(localStorage.getItem(KEY) ?? "medium")}"]`);

if (remembered) remembered.checked = true;
sizes.addEventListener("change", (event) => localStorage.setItem(KEY, event.target.value));
