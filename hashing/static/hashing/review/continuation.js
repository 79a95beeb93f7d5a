// Where the review continues: in another group, or on another page, which opens the comparison again.

const review = document.querySelector(".hashing-review");
const STORED_PLACE = "hashing:compare";

export const OPEN_GROUP = ".hashing-group:not(.hashing-group--decided)";

// Lets the next page open the comparison `step` images behind this one, or at the first question if that is not there.
export function storePlace(mode, image = null, step = 0) {
  sessionStorage.setItem(STORED_PLACE, JSON.stringify({ mode, image, step }));
}

// The card and the mode in which the page before was left; null without one.
export function takePlace() {
  const { mode, image, step } = JSON.parse(sessionStorage.getItem(STORED_PLACE)) ?? {};
  sessionStorage.removeItem(STORED_PLACE);
  const card = step ? continuedCard(image, step) : findCard(image) ?? review.querySelector(`${OPEN_GROUP} .hashing-member`);
  return mode && card ? { mode, card } : null;
}

// Every page of a large group begins with the keeper.
function continuedCard(image, step) {
  const cards = [...review.querySelectorAll(".hashing-member")];
  const index = cards.indexOf(findCard(image));
  return (index > 0 && cards[index + step]) || (step > 0 ? cards[1] : cards.at(-1));
}

function findCard(image) {
  return review.querySelector(`[data-image="${image}"]`);
}

// The nearest undecided group of this page behind another one, or before it.
export function nextGroup(current, step) {
  const others = [...review.querySelectorAll(OPEN_GROUP)].filter((group) => group !== current);
  const next = others.filter((group) => isBehind(group, current) === step > 0);
  return step > 0 ? next[0] : next.at(-1);
}

function isBehind(element, other) {
  return Boolean(other.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING);
}

// The link to the page with the images of a group that follow those of this page, or are before them.
export function linkBeyond(group, step) {
  return group.querySelector(step > 0 ? ".hashing-group__more a, .hashing-pager [rel=next]" : ".hashing-pager [rel=prev]");
}

// The address of the page with the groups that follow, or are before.
export function pageBeyond(step) {
  return step > 0 ? review.dataset.nextPageUrl : review.dataset.previousPageUrl;
}
