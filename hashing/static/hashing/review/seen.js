// Which cards an editor can have seen: their pictures have loaded, or failed, and were shown for a moment.

const review = document.querySelector(".hashing-review");
// Nobody can have seen a new page, group or picture before: a second Enter or the second click of a double click was
// meant for what was there.
const UNSEEN_MILLISECONDS = 400;
const watched = new WeakSet();

review.addEventListener("hashing:groups-changed", watchCards);
// A picture below the window is loaded when it is needed.
review.addEventListener("focusin", (event) => loadGroup(event.target.closest(".hashing-group")));
watchCards();

export function untilSeen() {
  return new Promise((resolve) => setTimeout(resolve, UNSEEN_MILLISECONDS));
}

// Whether the pictures that a button decides about can have been seen.
export function areSeen(button) {
  const unseen = cardsAbout(button).filter((card) => "unseen" in card.dataset);
  loadPictures(unseen);
  return !unseen.length;
}

// All cards of the group, or those of the images and of the keeper that they are compared with.
function cardsAbout(button) {
  const group = button.closest(".hashing-group");
  if (!group || button.name === "take_back") return [];
  if ("aboutGroup" in button.dataset) return cardsOf(group);
  const selected = group.querySelectorAll(".hashing-member:has([name=image]:checked)");
  const cards = button.name === "selected" ? selected : [button.closest(".hashing-member")];
  return [...cards, group.querySelector(".hashing-member--keeper")];
}

function cardsOf(group) {
  return [...(group?.querySelectorAll(".hashing-member") ?? [])];
}

export function loadGroup(group) {
  loadPictures(cardsOf(group));
}

function loadPictures(cards) {
  for (const card of cards) for (const picture of picturesOf(card)) picture.loading = "eager";
}

function watchCards() {
  for (const card of review.querySelectorAll(".hashing-member")) if (!watched.has(card)) watch(card);
}

async function watch(card) {
  watched.add(card);
  card.dataset.unseen = "";
  await Promise.all([...picturesOf(card)].map(untilLoaded));
  await untilSeen();
  delete card.dataset.unseen;
  card.dispatchEvent(new Event("hashing:seen", { bubbles: true }));
}

function picturesOf(card) {
  return card.querySelectorAll(".hashing-preview");
}

async function untilLoaded(picture) {
  if (picture.complete) return;
  await new Promise((resolve) => {
    picture.addEventListener("load", resolve, { once: true });
    picture.addEventListener("error", resolve, { once: true });
  });
}
