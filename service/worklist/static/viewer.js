// The slice viewer: pictures come from the node, are fetched nearest first, and are shown together with their own labels.
"use strict";
(function () {
  const PARALLEL = 5;
  const MEMORY = 120e6;
  const SLOW = 150;
  const KEPT = "ichor-viewer";
  const byId = function (id) { return document.getElementById(id); };
  const clamp = function (value, low, high) { return Math.min(Math.max(value, low), high); };

  // Fetches one picture; what cannot be shown comes back as the sentence that says why.
  async function fetchPicture(url, signal) {
    const answer = await fetch(url, { signal: signal, credentials: "same-origin" });
    if (answer.redirected) { return { sorry: "You are logged out. Log in and open the study again." }; }
    if (answer.ok) { return { bitmap: await createImageBitmap(await answer.blob()) }; }
    const said = await answer.json().catch(function () { return {}; });
    return { sorry: said.error || "The node answered " + answer.status + ".", stale: answer.status === 404 };
  }

  // Decoded pictures near the current slice: nearest first, unwanted ones cancelled, far ones let go.
  class Pictures {
    constructor(arrived) {
      this.arrived = arrived;
      this.held = new Map();
      this.flying = new Map();
      this.queue = [];
      this.limit = 64;
    }

    get(url) { return this.held.get(url); }

    want(urls) {
      const wanted = new Set(urls);
      for (const [url, stop] of this.flying) {
        if (!wanted.has(url)) { this.flying.delete(url); stop.abort(); }
      }
      for (const [url, one] of this.held) {
        if (one.again) { this.held.delete(url); }
        else if (this.held.size > this.limit && !wanted.has(url)) { this.drop(url, one); }
      }
      this.queue = urls.filter((url) => !this.held.has(url) && !this.flying.has(url));
      if (this.queue.length && this.queue[0] === urls[0]) { this.load(this.queue.shift()); }
      this.pump();
    }

    drop(url, one) {
      this.held.delete(url);
      if (one.bitmap) { one.bitmap.close(); }
    }

    pump() {
      while (this.flying.size < PARALLEL && this.queue.length) { this.load(this.queue.shift()); }
    }

    async load(url) {
      const stop = new AbortController();
      this.flying.set(url, stop);
      let one;
      try {
        one = await fetchPicture(url, stop.signal);
      } catch (problem) {
        one = { sorry: "The node does not answer.", again: true };
      }
      if (stop.signal.aborted) {
        if (one.bitmap) { one.bitmap.close(); }
        return;
      }
      this.flying.delete(url);
      this.held.set(url, one);
      this.arrived(url, one);
      this.pump();
    }
  }

  // What the reader chose for all studies of this sitting.
  const habits = {
    read: function () {
      try { return JSON.parse(sessionStorage.getItem(KEPT)) || {}; } catch (problem) { return {}; }
    },
    keep: function (chosen) {
      try { sessionStorage.setItem(KEPT, JSON.stringify(chosen)); } catch (problem) { return; }
    },
  };

  class Viewer {
    constructor(section, data) {
      const kept = habits.read();
      this.section = section;
      this.stage = byId("stage");
      this.canvas = byId("canvas");
      this.brush = this.canvas.getContext("2d", { alpha: false });
      this.data = data;
      this.window = clamp(kept.window || 0, 0, data.windows.length - 1);
      this.heat = kept.heat !== false;
      this.opacity = clamp(kept.opacity || 100, 10, 100);
      this.at = data.start;
      this.shown = -1;
      this.ahead = 1;
      this.touched = false;
      this.pictures = new Pictures((url, one) => this.arrived(url, one));
      this.setMemory();
      this.listen();
      this.reflect();
      this.go(this.at);
    }

    get slices() { return this.data.slices; }

    grey(at) { return this.data.base + this.slices[at].name + this.data.windows[this.window].file; }

    hot(at) {
      const one = this.slices[at];
      return one.heat ? this.data.base + one.name + one.heat : "";
    }

    setMemory() {
      const one = this.slices[this.at];
      const cells = one ? Math.max(one.rows * one.columns, 65536) : 262144;
      this.pictures.limit = clamp(Math.floor(MEMORY / (4 * cells)), 16, 400);
    }

    // Moving

    step(by) { this.go(this.at + by); }

    go(at) {
      const to = clamp(at, 0, this.slices.length - 1);
      if (to !== this.at) { this.ahead = to > this.at ? 1 : -1; }
      this.at = to;
      this.prefetch();
      this.paintSoon();
    }

    jumpKey(by) {
      const keys = this.data.keys.slice().sort((a, b) => a - b);
      if (!keys.length) { return; }
      const beyond = by > 0 ? keys.filter((at) => at > this.at) : keys.filter((at) => at < this.at).reverse();
      this.move(() => this.go(beyond.length ? beyond[0] : keys[by > 0 ? 0 : keys.length - 1]));
    }

    move(act) {
      this.touched = true;
      act();
    }

    // Nearest first, two ahead in the direction of travel for each one behind.
    prefetch() {
      const reach = Math.floor(this.pictures.limit / 2), urls = [];
      const add = (at) => {
        if (at < 0 || at >= this.slices.length) { return; }
        urls.push(this.grey(at));
        if (this.hot(at)) { urls.push(this.hot(at)); }
      };
      add(this.at);
      // the first picture has the node to itself
      const alone = this.shown < 0;
      for (let far = 1; !alone && urls.length < reach && far < this.slices.length; far += 1) {
        add(this.at + this.ahead * far);
        if (far % 2 === 0) { add(this.at - (this.ahead * far) / 2); }
      }
      this.pictures.want(urls);
    }

    arrived(url, one) {
      if (one.stale && url === this.hot(this.at)) { this.refresh(); }
      if (url === this.grey(this.at) || url === this.hot(this.at)) { this.paintSoon(); }
    }

    // Painting: a picture never stands under another slice's labels

    paintSoon() {
      if (this.frame) { return; }
      this.frame = requestAnimationFrame(() => { this.frame = 0; this.paint(); });
    }

    paint() {
      const picture = this.pictures.get(this.grey(this.at));
      if (!picture) { this.wait(); return; }
      clearTimeout(this.patience);
      byId("v-loading").hidden = true;
      const fresh = this.shown !== this.at, first = this.shown < 0;
      this.shown = this.at;
      if (first) { this.prefetch(); }
      if (picture.bitmap) { this.draw(picture.bitmap); } else { this.blank(picture.sorry); }
      this.stage.dataset.state = picture.bitmap ? "ready" : "problem";
      this.label();
      if (fresh) { this.announce(); }
      this.section.dispatchEvent(new CustomEvent("viewer:shown", { detail: { at: this.at } }));
    }

    wait() {
      this.stage.dataset.state = "loading";
      const number = this.numberOf(this.at);
      clearTimeout(this.patience);
      this.patience = setTimeout(() => {
        byId("v-loading").textContent = "Loading " + number;
        byId("v-loading").hidden = false;
      }, SLOW);
    }

    draw(bitmap) {
      const one = this.slices[this.at];
      const tall = one.row_mm > 0 && one.column_mm > 0 ? one.row_mm / one.column_mm : 1;
      const width = Math.round(bitmap.width * Math.max(1, 1 / tall));
      const height = Math.round(bitmap.height * Math.max(1, tall));
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas.width = width;
        this.canvas.height = height;
      }
      this.brush.globalAlpha = 1;
      this.brush.drawImage(bitmap, 0, 0, width, height);
      const hot = this.heat && this.hot(this.at) ? this.pictures.get(this.hot(this.at)) : null;
      if (hot && hot.bitmap) {
        this.brush.globalAlpha = this.opacity / 100;
        this.brush.drawImage(hot.bitmap, 0, 0, width, height);
      }
      this.canvas.hidden = false;
      byId("v-sorry").hidden = true;
      this.dropFirst();
    }

    blank(reason) {
      this.canvas.hidden = true;
      this.dropFirst();
      byId("v-sorry").textContent = "This slice cannot be shown: " + reason;
      byId("v-sorry").hidden = false;
    }

    dropFirst() {
      const first = byId("first");
      if (first) { first.remove(); }
    }

    numberOf(at) {
      const number = this.slices[at].instance_number;
      return "Image " + (number === null ? "?" : number);
    }

    heatState() {
      if (!this.heat) { return "off"; }
      if (!this.hot(this.shown)) { return "none"; }
      const hot = this.pictures.get(this.hot(this.shown));
      return !hot ? "loading" : hot.bitmap ? "on" : "none";
    }

    label() {
      const one = this.slices[this.shown], state = this.heatState();
      const heat = { off: "Heat off", none: "No heat on this slice", loading: "Heat is loading", on: "Heat " + this.opacity + " %" };
      const say = function (id, text) { byId(id).textContent = text; };
      const place = one.place_mm === null ? "no place" : one.place_mm.toFixed(1) + " mm";
      say("v-number", this.numberOf(this.shown));
      say("v-order", (this.shown + 1) + " of " + this.slices.length);
      say("v-place", place);
      say("v-window", this.data.windows[this.window].title);
      say("v-heat", heat[state]);
      say("v-key", one.key === null ? "" : "Key slice " + one.key);
      say("v-score", one.words);
      ["left", "right", "top", "bottom"].forEach(function (side, at) { say("v-" + side, one.sides[at]); });
      Object.assign(this.stage.dataset, { shown: this.shown, heat: state, window: this.data.windows[this.window].name });
      this.stage.classList.toggle("over", one.positive === true);
      this.mark();
      const slider = byId("slice");
      slider.value = this.shown;
      slider.setAttribute("aria-valuetext", this.numberOf(this.shown) + ", " + place + ", " + one.words);
    }

    mark() {
      const now = byId("now"), step = 1000 / this.slices.length;
      const wide = clamp(step / 5, 2.5, 6);
      now.setAttribute("x", (step * (this.shown + 0.5) - wide / 2).toFixed(3));
      now.setAttribute("width", wide.toFixed(3));
      for (const button of document.querySelectorAll("#ways [data-at]")) {
        if (Number(button.dataset.at) === this.shown) { button.setAttribute("aria-current", "true"); } else { button.removeAttribute("aria-current"); }
      }
    }

    announce() {
      clearTimeout(this.hush);
      this.hush = setTimeout(() => { byId("v-said").textContent = byId("slice").getAttribute("aria-valuetext"); }, 500);
    }

    // Choices

    chooseWindow(at) {
      if (at >= this.data.windows.length) { return; }
      this.window = at;
      this.chosen();
    }

    toggleHeat() {
      this.heat = !this.heat;
      this.chosen();
    }

    chooseOpacity(percent) {
      this.opacity = percent;
      this.heat = true;
      this.chosen();
    }

    chosen() {
      habits.keep({ window: this.window, heat: this.heat, opacity: this.opacity });
      this.reflect();
      this.prefetch();
      this.paintSoon();
    }

    reflect() {
      for (const button of document.querySelectorAll("#tools [data-window]")) {
        button.setAttribute("aria-pressed", String(Number(button.dataset.window) === this.window));
      }
      byId("heat").setAttribute("aria-pressed", String(this.heat));
      byId("opacity").value = this.opacity;
      byId("opacity").setAttribute("aria-valuetext", this.opacity + " percent");
    }

    toggleHelp(show) {
      const wanted = show === undefined ? byId("keyboard").hidden : show;
      byId("keyboard").hidden = !wanted;
      byId("help").setAttribute("aria-expanded", String(wanted));
    }

    // Hands: wheel, keys, drag, strip, buttons

    listen() {
      byId("tools").hidden = false;
      byId("slide").hidden = false;
      this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      this.section.addEventListener("keydown", (event) => this.key(event));
      this.section.addEventListener("click", (event) => this.click(event));
      this.section.addEventListener("input", (event) => this.input(event));
      this.stage.addEventListener("pointerdown", (event) => this.grip(event));
      this.stage.addEventListener("pointermove", (event) => this.drag(event));
      for (const end of ["pointerup", "pointercancel"]) {
        this.stage.addEventListener(end, () => { this.gripped = null; });
      }
      this.section.addEventListener("pointerdown", (event) => this.scrub(event));
      this.section.addEventListener("pointermove", (event) => { if (event.buttons & 1) { this.scrub(event); } });
    }

    wheel(event) {
      if (event.ctrlKey || !event.deltaY) { return; }
      event.preventDefault();
      const lines = event.deltaMode === 0 ? event.deltaY / 100 : Math.sign(event.deltaY);
      const notch = Math.abs(lines) >= 0.5;
      this.rolled = notch ? 0 : (this.rolled || 0) + lines;
      const by = notch ? Math.sign(lines) * Math.max(1, Math.round(Math.abs(lines))) : Math.trunc(this.rolled * 3);
      if (!by) { return; }
      this.rolled = 0;
      this.move(() => this.step(by));
    }

    key(event) {
      if (event.ctrlKey || event.altKey || event.metaKey) { return; }
      const last = this.slices.length - 1;
      const moves = {
        ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1), j: () => this.step(1), k: () => this.step(-1),
        PageDown: () => this.step(10), PageUp: () => this.step(-10), Home: () => this.go(0), End: () => this.go(last),
      };
      const acts = {
        n: () => this.jumpKey(1), p: () => this.jumpKey(-1), h: () => this.toggleHeat(), "?": () => this.toggleHelp(),
        1: () => this.chooseWindow(0), 2: () => this.chooseWindow(1), 3: () => this.chooseWindow(2), 4: () => this.chooseWindow(3),
        Escape: () => this.leave(),
      };
      const own = event.target.id === "opacity" && event.key.length > 1 && event.key !== "Escape";
      const move = own ? null : moves[event.key], act = own ? null : acts[event.key];
      if (!move && !act) { return; }
      event.preventDefault();
      if (move) { this.move(move); } else { act(); }
    }

    leave() {
      if (!byId("keyboard").hidden) { this.toggleHelp(false); } else if (document.activeElement) { document.activeElement.blur(); }
    }

    click(event) {
      const button = event.target.closest("button");
      if (!button) { return; }
      if (button.dataset.window) { this.chooseWindow(Number(button.dataset.window)); }
      if (button.dataset.at) { this.move(() => this.go(Number(button.dataset.at))); }
      if (button.id === "heat") { this.toggleHeat(); }
      if (button.id === "help") { this.toggleHelp(); }
    }

    input(event) {
      if (event.target.id === "slice") { this.move(() => this.go(Number(event.target.value))); }
      if (event.target.id === "opacity") { this.chooseOpacity(Number(event.target.value)); }
    }

    grip(event) {
      if (event.button !== 0) { return; }
      this.stage.focus({ preventScroll: true });
      this.stage.setPointerCapture(event.pointerId);
      this.gripped = { id: event.pointerId, from: event.clientY, at: this.at };
    }

    drag(event) {
      if (!this.gripped || this.gripped.id !== event.pointerId) { return; }
      const room = clamp(this.stage.clientHeight / this.slices.length, 4, 14);
      const by = Math.trunc((event.clientY - this.gripped.from) / room);
      if (this.gripped.at + by !== this.at) { this.move(() => this.go(this.gripped.at + by)); }
    }

    scrub(event) {
      const strip = event.target.closest("#strip");
      if (!strip || event.button > 0) { return; }
      event.preventDefault();
      const box = strip.getBoundingClientRect();
      this.move(() => this.go(Math.floor(((event.clientX - box.left) / box.width) * this.slices.length)));
      this.stage.focus({ preventScroll: true });
    }

    // The series grew, or was read: keep the slice in view, take over everything else.
    async refresh() {
      const fresh = await fragment(this.section.dataset.series, this.data.stamp);
      const data = fresh && slicesOf(fresh);
      if (!data || !data.slices.length || !fresh.querySelector("#reel")) { return; }
      const name = this.slices[this.at].name;
      const same = data.slices.findIndex((one) => one.name === name);
      this.data = data;
      this.shown = -1;
      for (const id of ["slices-data", "strip", "ways"]) { byId(id).replaceWith(fresh.querySelector("#" + id)); }
      byId("reel").querySelector(".legend").replaceWith(fresh.querySelector("#reel .legend"));
      byId("slice").max = data.slices.length - 1;
      this.at = this.touched && same >= 0 ? same : data.start;
      this.go(this.at);
    }
  }

  function slicesOf(section) {
    const held = section.querySelector("#slices-data");
    return held ? JSON.parse(held.content.textContent) : null;
  }

  // The viewer as the node would draw it now; null when nothing changed since the stamp.
  async function fragment(series, stamp) {
    const asked = new URLSearchParams({ series: series, stamp: stamp });
    try {
      const answer = await fetch(document.querySelector(".study").dataset.viewer + "?" + asked, { credentials: "same-origin" });
      if (answer.status !== 200 || answer.redirected) { return null; }
      return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#viewer");
    } catch (problem) {
      return null;
    }
  }

  let viewer = null;

  function open() {
    const section = byId("viewer");
    const data = section && slicesOf(section);
    if (!data || !data.slices.length) { return; }
    viewer = new Viewer(section, data);
    byId("stage").focus({ preventScroll: true });
  }

  async function grow() {
    if (viewer) { viewer.refresh(); return; }
    const fresh = await fragment("", "");
    if (viewer || !fresh || !fresh.querySelector("#slice")) { return; }
    const old = byId("viewer");
    if (old) { old.replaceWith(fresh); } else { byId("case").before(fresh); }
    open();
  }

  document.addEventListener("htmx:afterSettle", function (event) {
    if (event.target.id === "living") { grow(); }
  });
  open();
})();
