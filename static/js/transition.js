// Tells the stylesheet that a slide was turned, and which way: transitions.css does the rest. Nothing is timed here, so
// nothing can delay the next key press.

const slides = () => [...document.querySelectorAll(".slide[data-address]")];
const place = (address) => slides().findIndex((slide) => slide.dataset.address === address);

let before = document.querySelector(".slide.current")?.dataset.address;

document.addEventListener("podium:slide", ({ detail }) => {
  if (detail.address === before) return;
  document.documentElement.dataset.turned = place(detail.address) < place(before) ? "back" : "on";
  before = detail.address;
});
