// Says when the page no longer speaks with the node, and keeps opened details open across a refresh.
"use strict";
(function () {
  const lost = function (is) {
    document.getElementById("lost").hidden = !is;
    document.body.classList.toggle("stale", is);
  };
  let open = [];
  document.addEventListener("htmx:afterRequest", function (event) { lost(!event.detail.successful); });
  document.addEventListener("htmx:sendError", function () { lost(true); });
  document.addEventListener("htmx:timeout", function () { lost(true); });
  document.addEventListener("htmx:beforeSwap", function () {
    open = Array.from(document.querySelectorAll("details[open][id]"), function (one) { return one.id; });
  });
  document.addEventListener("htmx:afterSettle", function () {
    for (const id of open) {
      const one = document.getElementById(id);
      if (one) { one.open = true; }
    }
  });
})();
