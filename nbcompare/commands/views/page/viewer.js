"use strict";
// The images of the page: fills the panes with what its data block holds, and answers mouse, keys and controls.
(async function () {
  const box = document.getElementById("viewer"), held = document.getElementById("viewer-data");
  if (!box || !held || typeof Bokeh === "undefined") return;
  const data = JSON.parse(held.textContent), $ = (id) => document.getElementById(id);

  async function unpacked(text, count) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const planes = new Uint8Array(await new Response(stream).arrayBuffer());
    const bytes = new Uint8Array(planes.length);
    for (let plane = 0; plane < 4; plane++)
      for (let i = 0; i < count; i++) bytes[4 * i + plane] = planes[plane * count + i];
    return new Float32Array(bytes.buffer);
  }
  for (const one of data.subjects)
    for (const tile of one.tiles) {
      for (const name of Object.keys(tile.arrays))
        tile.arrays[name] = await unpacked(tile.arrays[name], tile.rows * tile.columns);
      const own = tile.as === undefined ? tile.arrays : data.subjects[0].tiles[tile.as].arrays;
      for (const name of ["reference", "reference_mean"]) if (own[name]) tile.arrays[name] = own[name];
      for (const end of ["", "_mean"]) differing(tile.arrays["subject" + end], own["reference" + end]);
    }
  function differing(array, beside) {  // the bits of the subject that are not those of the reference become the subject
    if (!array) return;
    const bits = new Uint32Array(array.buffer), others = new Uint32Array(beside.buffer);
    for (let i = 0; i < bits.length; i++) bits[i] ^= others[i];
  }
  let now = data.subjects[0];  // the subject that is looked at

  box.hidden = false;
  const embedded = JSON.parse($("bokeh-data").textContent);
  for (const document of Object.values(embedded.documents)) document.version = Bokeh.version;
  await Bokeh.embed.embed_items(embedded.documents, embedded.items);
  const doc = Bokeh.documents[Bokeh.documents.length - 1];
  const named = (name) => doc.get_model_by_name(name);
  const source = named("images"), x = named("x"), y = named("y");
  const panes = {left: named("left"), middle: named("middle"), right: named("right")};
  const ndarray = Bokeh.require("core/util/ndarray").ndarray;
  const state = {middle: "subject", right: "difference", reduced: "max", scale: "log", shown: "subject", swipe: 0.5,
                 cursor: null, rank: -1, timer: null, marks: {regions: true, peaks: true, worst: true, masks: true}};

  // --- values ---------------------------------------------------------------------------------------------
  function without(array, mask, bits) {  // without the pixels that are masked in an image: 1 reference, 2 subject
    return mask ? array.map((value, i) => mask[i] & bits ? NaN : value) : array;
  }
  function values(tile, what, bare = false) {
    const a = tile.arrays, mean = state.reduced === "mean" && a.reference_mean, mask = bare ? null : a.mask;
    const both = what === "reference" || what === "subject" ? 0 : 3;
    const ref = without(mean ? a.reference_mean : a.reference, mask, both || 1);
    const sub = without(mean ? a.subject_mean : a.subject, mask, both || 2);
    if (what === "reference") return ref;
    if (what === "subject") return sub;
    const made = new Float32Array(ref.length);
    const whole = mean ? ref : a.reference_mean || ref, other = mean ? sub : a.subject_mean || sub;
    for (let i = 0; i < made.length; i++) {
      if (what === "ratio") made[i] = whole[i] > 0 && other[i] > 0 ? other[i] / whole[i] : NaN;
      else {
        made[i] = !mean && a.difference ? a.difference[i] : sub[i] - ref[i];
        if (what === "relative") made[i] = ref[i] !== 0 ? made[i] / Math.abs(ref[i]) : NaN;
      }
    }
    return made;
  }
  function extremes(what) {
    let low = Infinity, high = 0;
    for (const tile of now.tiles)
      for (const value of values(tile, what)) {
        if (value > 0 && value < low) low = value;
        if (Number.isFinite(value) && Math.abs(value) > high) high = Math.abs(value);
      }
    return [low, high];
  }
  let top = 0;  // the brightest pixel of all images
  for (now of [...data.subjects].reverse()) top = Math.max(top, extremes("reference")[1], extremes("subject")[1]);
  top = top || 1;
  const limits = {low: state.scale === "linear" ? 0 : top * 1e-6, high: top, limit: {}};
  function limitOf(what) {
    if (limits.limit[what] === undefined) {
      if (what === "ratio") {
        let most = 0;
        for (const value of values(now.tiles[0], "ratio"))
          if (value > 0) most = Math.max(most, Math.abs(Math.log(value)));
        limits.limit[what] = Math.exp(Math.min(most, 50)) || 1;
        if (limits.limit[what] === 1) limits.limit[what] = 1.001;
      } else limits.limit[what] = what === "relative" ? Math.min(extremes(what)[1], 1) || 1 : extremes(what)[1] || 1;
    }
    return limits.limit[what];
  }
  function part(value, what) {  // the place of a value on its scale, 0 to 1
    if (what === "ratio") return 0.5 + 0.5 * Math.log(value) / Math.log(limitOf(what));
    if (what === "difference" || what === "relative") {
      const share = value / limitOf(what);
      if (state.scale === "linear") return 0.5 + 0.5 * share;
      const soft = state.scale === "log" ? 1e-4 : 1e-2;
      return 0.5 + 0.5 * Math.asinh(share / soft) / Math.asinh(1 / soft);
    }
    const {low, high} = limits;
    if (state.scale === "linear") return (value - low) / (high - low);
    if (state.scale === "asinh") return Math.asinh((value - low) / (high * 1e-3)) / Math.asinh((high - low) / (high * 1e-3));
    return Math.log(Math.max(value, low) / low) / Math.log(high / low);
  }
  function shown(tile, what) {
    const from = values(tile, what, !state.marks.masks), made = new Float32Array(from.length);
    for (let i = 0; i < made.length; i++)
      made[i] = Number.isNaN(from[i]) ? NaN : Math.min(Math.max(part(from[i], what), 0), 1);
    return made;
  }
  const asImage = (tile, array) => ndarray(array, {dtype: "float32", shape: [tile.rows, tile.columns]});
  function middleOf(tile) {
    if (state.middle !== "swipe") return shown(tile, state.middle === "blink" ? state.shown : "subject");
    const made = shown(tile, "subject"), ref = shown(tile, "reference");
    const split = x.start + state.swipe * (x.end - x.start);
    for (let column = 0; column < tile.columns; column++)
      if (tile.x + (column + 0.5) * tile.step - 0.5 > split)
        for (let row = 0; row < tile.rows; row++) made[row * tile.columns + column] = ref[row * tile.columns + column];
    return made;
  }
  function draw(only) {
    const old = source.data, t = now.tiles;
    const column = (name, make) => only && !only.includes(name) ? old[name] : t.map((tile) => asImage(tile, make(tile)));
    source.data = {x: t.map((tile) => tile.x - 0.5), y: t.map((tile) => tile.y - 0.5),
                   dw: t.map((tile) => tile.columns * tile.step), dh: t.map((tile) => tile.rows * tile.step),
                   left: column("left", (tile) => shown(tile, "reference")), middle: column("middle", middleOf),
                   right: column("right", (tile) => shown(tile, state.right))};
    labels();
  }
  const short = (value) => Number(value.toPrecision(4)).toString();
  const factor = (value) => Math.abs(value - 1) >= 1e-3 || value === 1 ? short(value)  // near 1: how far it is from 1
    : `1 ${value < 1 ? "−" : "+"} ${Number(Math.abs(value - 1).toPrecision(3))}`;
  function labels() {
    const m = Math.sqrt(limits.low * limits.high), limit = limitOf(state.right);
    const bright = state.scale === "log" ? [limits.low, m, limits.high] : [limits.low, state.scale === "linear" ? (limits.low + limits.high) / 2 : "", limits.high];
    const apart = state.right === "ratio" ? [1 / limit, 1, limit] : [-limit, 0, limit];
    for (const [name, marks] of [["left", bright], ["middle", bright], ["right", apart]])
      $("labels-" + name).replaceChildren(...marks.map((mark) => {
        const span = document.createElement("span");
        span.textContent = mark === "" ? "" : (name === "right" && state.right === "ratio" ? factor : short)(mark);
        return span;
      }));
    for (const name of ["left", "middle", "right"]) bar(name);
    $("title-middle").textContent = state.middle === "swipe" ? `${now.name} | reference`
      : state.middle === "blink" ? "blink: " + (state.shown === "subject" ? now.name : state.shown) : now.name;
    $("title-right").textContent = {difference: `${now.name} − reference`, ratio: `${now.name} ÷ reference`,
                                    relative: `(${now.name} − reference) ÷ reference`}[state.right]
      + (now.worst.length ? "" : ": no pixel differs");
    for (const id of ["bar-right", "labels-right"])  // a scale would promise a difference
      $(id).style.visibility = now.worst.length ? "" : "hidden";
    $("limit").parentNode.hidden = !now.worst.length;
    for (const name of ["low", "high", "limit"]) if (document.activeElement !== $(name)) show(name);
  }
  function show(name) {
    const value = name === "limit" ? limitOf(state.right) : limits[name];
    $(name).value = name === "limit" && state.right === "ratio" ? Number(value.toPrecision(9)) : short(value);
  }
  function bar(name) {
    const colours = data[name === "right" ? "difference" : "brightness"][$(name === "right" ? "diverging" : "brightness").value];
    const pen = $("bar-" + name).getContext("2d");
    colours.forEach((colour, i) => { pen.fillStyle = colour; pen.fillRect(i, 0, 1, 1); });
  }

  // --- read-out -------------------------------------------------------------------------------------------
  function tileAt(fast, slow) {
    for (let i = now.tiles.length - 1; i >= 0; i--) {
      const t = now.tiles[i];
      if (fast >= t.x && slow >= t.y && fast < t.x + t.columns * t.step && slow < t.y + t.rows * t.step) return t;
    }
    return null;
  }
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  function place(fast, slow) {
    const g = data.geometry;
    if (!g) return "";
    const at = g.origin.map((o, i) => o + g.pixel * ((fast + 0.5) * g.fast[i] + (slow + 0.5) * g.slow[i]));
    const length = Math.hypot(...at), beam = Math.hypot(...g.beam);
    const unit = at.map((v) => v / length), along = g.beam.map((v) => v / beam);
    const angle = Math.acos(Math.min(Math.max(dot(unit, along), -1), 1));
    let text = `  2θ ${(angle * 180 / Math.PI).toFixed(3)}°`;
    if (angle > 0) text += `  d ${(g.wavelength * 1e10 / (2 * Math.sin(angle / 2))).toFixed(3)} Å`;
    if (g.real) {
      const s = unit.map((v, i) => (v - along[i]) / g.wavelength);
      text += `  hkl ${g.real.map((axis) => dot(axis, s).toFixed(3)).join(" ")}`;
    }
    return text;
  }
  function read(fast, slow) {
    const tile = tileAt(fast, slow);
    if (!tile) return;
    const i = Math.floor((slow - tile.y) / tile.step) * tile.columns + Math.floor((fast - tile.x) / tile.step);
    const [ref, sub] = ["reference", "subject"].map((what) => one(tile, what, i));
    const masked = tile.arrays.mask ? tile.arrays.mask[i] : 0;
    const stored = !masked ? "" : `  (masked in ${[, "the reference", "the subject", "both"][masked]}; stored: reference ` +
      `${number(tile.arrays.reference[i])}, subject ${number(tile.arrays.subject[i])})`;
    const diff = tile.step === 1 ? sub - ref : one(tile, "difference", i);
    const ratio = tile.step === 1 ? (ref > 0 ? sub / ref : NaN) : one(tile, "ratio", i);
    const of = tile.step === 1 ? "" : ` (${state.reduced === "mean" ? "mean" : "maximum"} of ${tile.step} × ${tile.step})`;
    $("readout").textContent = `fast ${fast}  slow ${slow}${of}  reference ${number(ref)}  ${now.name} ${number(sub)}  ` +
      `difference ${number(diff)}  ratio ${number(ratio)}${stored}${place(fast, slow)}`;
  }
  const number = (value) => Number.isNaN(value) ? "none" : Number(value.toPrecision(9)).toString();
  function one(tile, what, i) {
    const arrays = {};
    for (const name of Object.keys(tile.arrays)) arrays[name] = tile.arrays[name].subarray(i, i + 1);
    return values({arrays}, what)[0];
  }
  function moveTo(fast, slow) {
    state.cursor = [Math.min(Math.max(fast, 0), data.fast - 1), Math.min(Math.max(slow, 0), data.slow - 1)];
    named("cursor").data = {x: [state.cursor[0]], y: [state.cursor[1]]};
    read(...state.cursor);
  }

  // --- where to look --------------------------------------------------------------------------------------
  function look(fast, slow, side) {
    x.setv({start: fast - side / 2, end: fast + side / 2});
    y.setv({start: slow + side / 2, end: slow - side / 2});
    if (state.middle === "swipe") draw(["middle"]);
  }
  const wholeSide = Math.max(data.fast, data.slow);
  const whole = () => look((data.fast - 1) / 2, (data.slow - 1) / 2, wholeSide);
  function zoom(factor) {
    const [fast, slow] = state.cursor || [(x.start + x.end) / 2, (y.start + y.end) / 2];
    look(fast, slow, Math.min(Math.max((x.end - x.start) * factor, 4), wholeSide * 1.2));
  }
  function jump(rank) {
    if (!now.worst.length) return;
    state.rank = (rank + now.worst.length) % now.worst.length;
    const [fast, slow] = now.worst[state.rank];
    look(fast, slow, Math.min(33, wholeSide));
    moveTo(fast, slow);
    box.scrollIntoView({block: "nearest"});
  }

  // --- controls -------------------------------------------------------------------------------------------
  function setMiddle(mode) {
    state.middle = mode;
    clearInterval(state.timer);
    state.shown = "subject";
    if (mode === "blink") state.timer = setInterval(blink, 700);
    $("swipe-place").hidden = mode !== "swipe";
    for (const button of box.querySelectorAll("[data-middle]"))
      button.setAttribute("aria-pressed", String(button.dataset.middle === mode));
    draw(["middle"]);
  }
  function blink() {
    state.shown = state.shown === "subject" ? "reference" : "subject";
    draw(["middle"]);
  }
  function setScale(scale) {
    state.scale = $("scale").value = scale;
    if (limits.high <= 0) limits.high = top;
    limits.low = scale === "log" ? (limits.low > 0 ? limits.low : limits.high * 1e-6) : 0;
    draw();
  }
  function marks() {
    const on = state.marks, m = now.peaks.matched;
    const worstMove = Math.max(0, ...m.map((p) => Math.hypot(p[2] - p[0], p[3] - p[1])));
    const times = worstMove > 0.05 ? Math.max(1, Math.round(wholeSide / 30 / worstMove)) : 0;
    $("moved-note").textContent = times ? `Arrows show where peaks moved, ${times} times as far.` : "";
    named("regions").data = {xs: on.regions ? data.outlines.xs : [], ys: on.regions ? data.outlines.ys : []};
    named("names").data = on.regions ? {x: data.outlines.x, y: data.outlines.y, name: data.outlines.name}
      : {x: [], y: [], name: []};
    const peaks = on.peaks ? m : [], lost = on.peaks ? now.peaks.lost : [];
    named("matched").data = {x: peaks.map((p) => p[0]), y: peaks.map((p) => p[1])};
    named("lost").data = {x: lost.map((p) => p[0]), y: lost.map((p) => p[1])};
    const moved = times ? peaks.filter((p) => Math.hypot(p[2] - p[0], p[3] - p[1]) > 0.05) : [];
    named("moved").data = {x0: moved.map((p) => p[0]), y0: moved.map((p) => p[1]),
                           x1: moved.map((p) => p[0] + times * (p[2] - p[0])), y1: moved.map((p) => p[1] + times * (p[3] - p[1]))};
    const worst = on.worst ? now.worst : [];
    named("worst").data = {x: worst.map((p) => p[0]), y: worst.map((p) => p[1])};
  }
  for (const [id, kind] of [["brightness", "brightness"], ["diverging", "difference"]]) {
    for (const name of Object.keys(data[kind])) $(id).add(new Option(name, name));
    $(id).addEventListener("change", () => { named(kind + " colours").palette = data[kind][$(id).value].map(
      (colour) => parseInt(colour.slice(1) + "ff", 16)); labels(); });
  }
  for (const button of box.querySelectorAll("[data-middle]"))
    button.addEventListener("click", () => setMiddle(button.dataset.middle));
  for (const button of box.querySelectorAll("[data-mark]"))
    button.addEventListener("click", () => {
      const name = button.dataset.mark;
      state.marks[name] = !state.marks[name];
      button.setAttribute("aria-pressed", String(state.marks[name]));
      if (name === "masks") draw(); else marks();
    });
  $("swipe").addEventListener("input", () => { state.swipe = $("swipe").value / 1000; draw(["middle"]); });
  $("right").addEventListener("change", () => { state.right = $("right").value; draw(["right"]); });
  $("reduced").addEventListener("change", () => { state.reduced = $("reduced").value; limits.limit = {}; draw(); });
  $("scale").addEventListener("change", () => setScale($("scale").value));
  for (const name of ["low", "high", "limit"])
    $(name).addEventListener("change", () => {
      const value = Number($(name).value), log = state.scale === "log";
      const sound = {low: value < limits.high && (value > 0 || !log), high: value > limits.low,
                     limit: value > (state.right === "ratio" ? 1 : 0)};
      if (Number.isFinite(value) && sound[name])
        (name === "limit" ? limits.limit : limits)[name === "limit" ? state.right : name] = value;
      draw();
      show(name);  // what holds now, where something else was typed
    });
  $("whole").addEventListener("click", whole);
  const worst = Array.from(document.querySelectorAll(".worst"));
  worst.forEach((part, of) => Array.from(part.querySelector("table").rows).slice(1).forEach((row, i) => {
    if (!data.subjects[of].worst[i]) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = row.cells[0].textContent;
    button.setAttribute("aria-label", `look at worst place ${i + 1}`);
    button.addEventListener("click", () => jump(i));
    row.cells[0].dataset.value = String(i + 1);
    row.cells[0].replaceChildren(button);
  }));
  function choose(at) {  // another subject, at the same place
    now = data.subjects[at];
    if ($("of")) $("of").value = String(at);
    worst.forEach((part, of) => { part.hidden = of !== at; });
    box.querySelector("[data-mark=masks]").hidden = !now.tiles.some((tile) => tile.arrays.mask);
    limits.limit = {};
    state.rank = -1;
    marks();
    draw();
    if (state.cursor) read(...state.cursor);
  }
  if ($("of")) $("of").addEventListener("change", () => choose(Number($("of").value)));
  const rights = ["difference", "ratio", "relative"], scales = {1: "log", 2: "linear", 3: "asinh"};
  box.addEventListener("keydown", (event) => {
    if (["INPUT", "SELECT"].includes(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10 : 1;
    const [fast, slow] = state.cursor || [Math.round((x.start + x.end) / 2), Math.round((y.start + y.end) / 2)];
    const acts = {
      ArrowLeft: () => moveTo(fast - step, slow), ArrowRight: () => moveTo(fast + step, slow),
      ArrowUp: () => moveTo(fast, slow - step), ArrowDown: () => moveTo(fast, slow + step),
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: whole,
      b: () => setMiddle(state.middle === "blink" ? "subject" : "blink"),
      s: () => setMiddle(state.middle === "swipe" ? "subject" : "swipe"), n: () => jump(state.rank + 1),
      u: () => choose((data.subjects.indexOf(now) + 1) % data.subjects.length),
      d: () => { state.right = $("right").value = rights[(rights.indexOf(state.right) + 1) % 3]; draw(["right"]); },
    };
    const act = acts[event.key] || (scales[event.key] && (() => setScale(scales[event.key])));
    if (act) { act(); event.preventDefault(); }
  });
  for (const pane of Object.values(panes)) {
    pane.on_event("mousemove", (event) => read(Math.round(event.x), Math.round(event.y)));
    pane.on_event("tap", (event) => moveTo(Math.round(event.x), Math.round(event.y)));
  }

  // --- sizes: three panes abreast where there is room for them --------------------------------------------
  function fit() {
    const side = Math.round(Math.min(Math.max((box.clientWidth - 24) / 3, 260), 560));
    for (const pane of Object.values(panes)) {
      pane.setv({width: side, height: side});
      $("pane-" + pane.name).parentNode.style.width = side + "px";
    }
  }
  addEventListener("resize", fit);
  fit();

  // --- light and dark, print ------------------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  function dress() {
    const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(name).trim();
    for (const model of doc.roots()) {
      model.setv({background_fill_color: of("--paper"), border_fill_color: of("--paper"), outline_line_color: of("--line")});
      for (const axis of [...model.below, ...model.left])
        axis.setv({axis_label_text_color: of("--ink"), major_label_text_color: of("--dim"), axis_line_color: of("--line"),
                   major_tick_line_color: of("--line"), minor_tick_line_color: null});
    }
  }
  dark.addEventListener("change", dress);
  dress();
  choose(data.begin);
  box.dataset.ready = "yes";
  window.nbViewer = {x, y, state, limits, tileAt, choose};
})();
