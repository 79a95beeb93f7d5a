// The header of the review: which group of the list has the focus.

const review = document.querySelector(".hashing-review");
let currentKeeper = null;

review.addEventListener("focusin", (event) => showPlaceOf(event.target.closest(".hashing-group")));
// The header and the groups have been replaced.
review.addEventListener("hashing:groups-changed", () => showPlaceOf(document.getElementById(currentKeeper)));
showPlaceOf(document.activeElement.closest(".hashing-group"));

function showPlaceOf(group) {
  const session = document.querySelector(".hashing-session");
  if (!group || !session.dataset.firstPlace) return;
  currentKeeper = group.id;
  const index = [...review.querySelectorAll(".hashing-group")].indexOf(group);
  const place = session.querySelector(".hashing-session__place");
  const number = Number(session.dataset.firstPlace) + index;
  place.textContent = place.dataset.text.replace("{place}", number.toLocaleString(document.documentElement.lang));
}
