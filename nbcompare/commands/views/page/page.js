"use strict";
// Every page: buttons that copy a command, and tables that sort by a click on the head of a column.
(function () {
  function value(row, column) {
    const cell = row.cells[column];
    const text = cell ? (cell.dataset.value || cell.textContent).trim() : "";
    const number = Number(text.replace(/[,×%]/g, ""));
    return text !== "" && Number.isFinite(number) ? number : text;
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === typeof b) return a.localeCompare(b, "en", {numeric: true});
    return typeof a === "number" ? -1 : 1;
  }
  function sort(table, head, column) {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = Array.from(table.rows).slice(1);
    rows.sort((a, b) => (up ? 1 : -1) * compare(value(a, column), value(b, column)));
    for (const row of rows) row.parentNode.appendChild(row);
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    if (!table.rows.length || table.rows[0].querySelector("td")) continue;
    Array.from(table.rows[0].cells).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => sort(table, head, column));
    });
  }
  const folded = [];  // opened to be printed; style sheets alone do so in newer browsers only
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open])")) {
      details.open = true;
      folded.push(details);
    }
  });
  addEventListener("afterprint", () => { for (const details of folded.splice(0)) details.open = false; });
  async function copy(button) {
    const text = button.parentNode.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch (refused) {  // of a page that was opened from a file, perhaps
      const area = document.createElement("textarea");
      area.value = text;
      document.body.appendChild(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  }
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
})();
