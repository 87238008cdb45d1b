// A rectangle over a picture: drawn, moved and resized by mouse, finger and arrow keys, in whole knots of the design.
// Streamlit calls the default export again whenever Python sends new data; the DOM elements stay the same.

const LEAST_DRAG_PX = 4; // a shorter drag is a click, which must not replace the rectangle
const STRIDE = 10; // knots per press of an arrow key with Shift
// Which of left, top, right and bottom follow the pointer.
const ALL = [1, 1, 1, 1];
const CORNER = [0, 0, 1, 1];
const HANDLES = {
  nw: [1, 1, 0, 0], n: [0, 1, 0, 0], ne: [0, 1, 1, 0], e: [0, 0, 1, 0],
  se: CORNER, s: [0, 0, 0, 1], sw: [1, 0, 0, 1], w: [1, 0, 0, 0],
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const marks = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const stage = parentElement.querySelector(".stage");
  if (!marks.has(stage)) marks.set(stage, begin(stage));
  marks.get(stage)(data, (sides) => setTriggerValue("drawn", sides));
}

function begin(stage) {
  const [picture, frame, size] = ["img", ".frame", "output"].map((name) => stage.querySelector(name));
  let extent = [1, 1]; // width and height of the design in knots
  let sides = null; // left, top, right, bottom; right and bottom are excluded
  let drag = null;
  let waiting = []; // rectangles sent to Python and not answered yet, as JSON
  let tell = () => {};

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  const shift = (from, way, by) => {
    const inside = by.map((step, axis) =>
      way === ALL ? clamp(step, -from[axis], extent[axis] - from[axis + 2]) : step);
    const to = from.map((side, i) => clamp(Math.round(side + way[i] * inside[i % 2]), 0, extent[i % 2]));
    const low = [0, 1].map((axis) => Math.min(to[axis], to[axis + 2], extent[axis] - 1));
    const high = [0, 1].map((axis) => Math.max(to[axis], to[axis + 2], low[axis] + 1));
    return [...low, ...high];
  };

  const place = () => {
    stage.classList.toggle("marked", sides !== null);
    if (sides === null) return;
    const part = sides.map((side, i) => (100 * side) / extent[i % 2]);
    const box = { left: part[0], top: part[1], width: part[2] - part[0], height: part[3] - part[1] };
    for (const [name, value] of Object.entries(box)) stage.style.setProperty(`--${name}`, `${value}%`);
    size.textContent = `${sides[2] - sides[0]} × ${sides[3] - sides[1]}`;
  };

  const send = () => {
    if (JSON.stringify(sides) === waiting.at(-1)) return;
    waiting.push(JSON.stringify(sides));
    tell(sides);
  };

  const locate = (event) => {
    const box = picture.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * extent[0], ((event.clientY - box.top) / box.height) * extent[1]];
  };

  const finish = (event, kept) => {
    if (drag?.pointer !== event.pointerId) return;
    const { moved, before } = drag;
    drag = null;
    stage.classList.remove("dragging");
    if (!kept) sides = before;
    place();
    if (kept && moved) send();
  };

  stage.addEventListener("pointerdown", (event) => {
    if (drag !== null || event.button !== 0) return;
    const start = locate(event);
    const handle = HANDLES[event.target.dataset.handle];
    const way = handle ?? (frame.contains(event.target) ? ALL : CORNER);
    const from = way === CORNER && handle === undefined ? [...start, ...start] : sides;
    drag = { pointer: event.pointerId, at: [event.clientX, event.clientY], start, way, from, before: sides };
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (drag?.pointer !== event.pointerId) return;
    const [x, y] = locate(event);
    drag.moved ||= Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) >= LEAST_DRAG_PX;
    if (!drag.moved) return;
    stage.classList.add("dragging");
    sides = shift(drag.from, drag.way, [x - drag.start[0], y - drag.start[1]]);
    place();
  });
  stage.addEventListener("pointerup", (event) => finish(event, true));
  stage.addEventListener("pointercancel", (event) => finish(event, false));
  frame.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow === undefined || drag !== null) return;
    event.preventDefault();
    sides = shift(sides, ALL, arrow.map((step) => step * (event.shiftKey ? STRIDE : 1)));
    place();
  });
  frame.addEventListener("keyup", (event) => event.key in ARROWS && send());

  return (data, sendTo) => {
    tell = sendTo;
    extent = [data.width, data.height];
    stage.style.setProperty("--ratio", data.width / data.height);
    picture.classList.toggle("crisp", data.crisp);
    picture.alt = data.alt;
    if (picture.getAttribute("src") !== data.address) picture.src = data.address;
    // The designer may keep drawing while Python answers. A late answer must not undo a newer rectangle.
    const answered = waiting.indexOf(JSON.stringify(data.rectangle));
    if (drag !== null || (answered >= 0 && answered < waiting.length - 1)) return;
    waiting = [];
    sides = data.rectangle;
    place();
  };
}
