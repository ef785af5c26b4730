"use strict";
(() => {
  // PAUSE: milliseconds from one request to the next. PATIENCE: milliseconds until one is given up.
  // POINTS: how many values the chart keeps. TOP: how many calls the page asks for.
  const PAUSE = 2000, PATIENCE = 10000, POINTS = 150, TOP = 1000;
  const $ = (id) => document.getElementById(id);
  const [thead, tbody] = [document.querySelector("thead"), document.querySelector("tbody")];
  const SVG = "http://www.w3.org/2000/svg";

  const seconds = (value) => value === null ? "–" : value.toFixed(value < 10 ? 3 : 1);
  const whole = (value) => value.toLocaleString("en");
  const percent = (value) => value ? (100 * value).toFixed(1) + " %" : "–";
  const rate = (value) => value === null ? "–" : value.toFixed(value < 10 ? 2 : 0);
  const sum = (call, ...names) => names.reduce((all, name) => all + (call.responses[name] || 0), 0);
  const pools = (call) => Object.entries(call.upstreams)
    .sort((one, other) => other[1].requests - one[1].requests);

  // `key` is the value that a column sorts by, `show` turns it into the text of a cell.
  const COLUMNS = [
    { id: "call", head: "Call", key: (call) => call.call, show: String },
    { id: "share", head: "Time", key: (call) => call.share, show: percent },
    { id: "requests", head: "Requests", key: (call) => call.requests, show: whole },
    { id: "now", head: "Now /s", key: (call) => call.now, show: rate },
    { id: "p50", head: "p50", key: (call) => call.request.p50, show: seconds },
    { id: "p95", head: "p95", key: (call) => call.request.p95, show: seconds },
    { id: "p99", head: "p99", key: (call) => call.request.p99, show: seconds },
    { id: "max", head: "Longest", key: (call) => call.request.max, show: seconds },
    { id: "errors", head: "5xx", key: (call) => call.errors, show: percent, mark: (value) => value > 0 && "bad" },
    { id: "lost", head: "Given up", key: (call) => call.lost, show: percent },
    { id: "times", head: "Times", key: (call) => call.request.p50, draw: true },
    { id: "pools", head: "Pools", key: (call) => pools(call).map(([name]) => name).join(),
      show: (_, call) => pools(call).map(([name, pool], _, all) => all.length > 1 ?
        `${name} ${percent(pool.requests / call.upstream.count)}`.replaceAll(" ", "\u00a0") : name).join(", ") || "–" },
    { id: "pace", head: "Pace", key: (call) => call.pace || "", show: (value) => value || "–",
      mark: (value) => value === "slow" && "slow", why: (call) => call.pace_why },
  ];

  let sort = { column: COLUMNS[1], down: true };
  let calls = [], rows = new Map(), before = null, points = [], failing = null;

  for (const column of COLUMNS) {
    const head = document.createElement("th");
    const button = document.createElement("button");
    head.scope = "col";
    head.setAttribute("role", "columnheader");
    head.className = column.id;
    button.type = "button";
    button.textContent = column.head;
    button.addEventListener("click", () => {
      sort = { column, down: sort.column === column ? !sort.down : column.id !== "call" };
      show();
    });
    head.append(button);
    column.element = head;
    (thead.firstChild || thead.appendChild(role(document.createElement("tr"), "row"))).append(head);
  }
  $("filter").addEventListener("input", show);
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());

  function role(element, name) {
    element.setAttribute("role", name);
    return element;
  }

  function take(report) {
    const part = report.total.upstream.sum ? "upstream" : "request";
    const past = before && before.since === report.since && report.time > before.time ? before : null;
    const time = past && report.time - past.time;
    const counts = new Map();
    calls = [...report.calls];
    if (report.other.requests) calls.push({ call: "(other)", ...report.other });
    for (const call of calls) {
      counts.set(call.call, call.requests);
      call.share = report.total[part].sum ? call[part].sum / report.total[part].sum : 0;
      call.now = past && Math.max(0, call.requests - (past.counts.get(call.call) || 0)) / time;
      call.errors = call.requests ? sum(call, "5xx", "503") / call.requests : 0;
      call.lost = call.requests ? sum(call, "499") / call.requests : 0;
    }
    if (past) {
      points.push({
        rate: Math.max(0, report.total.requests - past.total.requests) / time,
        busy: Math.max(0, report.total.upstream.sum - past.total.upstream.sum) / time,
      });
      points = points.slice(-POINTS);
    }
    before = { time: report.time, since: report.since, counts, total: report.total };
    $("zone").textContent = report.zone;
    document.title = `Calls · ${report.zone}`;
    const since = new Date(1000 * report.since).toLocaleString();
    $("facts").textContent = `${whole(report.total.requests)} requests of ${whole(report.rows.used)} calls ` +
      `since ${since}; room for ${whole(report.rows.max)} calls, ${whole(report.rows.replaced)} replaced`;
  }

  function show() {
    const wanted = $("filter").value.trim().toLowerCase();
    const { column, down } = sort;
    for (const { element, id } of COLUMNS) {
      if (id === column.id) element.setAttribute("aria-sort", down ? "descending" : "ascending");
      else element.removeAttribute("aria-sort");
    }
    const shown = calls.filter((call) => call.call.toLowerCase().includes(wanted));
    shown.sort((one, other) => {
      const [a, b] = [column.key(one), column.key(other)];
      const order = typeof a === "string" ? a.localeCompare(b) : (a ?? -1) - (b ?? -1);
      return (down ? -order : order) || one.call.localeCompare(other.call);
    });
    const old = rows;
    rows = new Map();
    for (const call of shown) {
      const row = old.get(call.call) || makeRow();
      COLUMNS.forEach((column, place) => fill(row.children[place], column, call));
      rows.set(call.call, row);
    }
    // If no row moves, the table is not touched, so that a selection in it survives.
    const wantedRows = [...rows.values()];
    if (wantedRows.length !== tbody.children.length || wantedRows.some((row, at) => row !== tbody.children[at])) {
      tbody.replaceChildren(...wantedRows);
    }
    set($("shown"), `${shown.length} of ${calls.length} calls`);
  }

  function makeRow() {
    const row = role(document.createElement("tr"), "row");
    for (const column of COLUMNS) {
      const cell = document.createElement(column.id === "call" ? "th" : "td");
      if (column.id === "call") cell.scope = "row";
      role(cell, column.id === "call" ? "rowheader" : "cell");
      cell.dataset.head = column.head;
      row.append(cell);
    }
    return row;
  }

  function fill(cell, column, call) {
    if (column.draw) return draw(cell, call);
    const value = column.key(call);
    set(cell, column.show(value, call));
    cell.className = [column.id, column.mark && column.mark(value)].filter(Boolean).join(" ");
    if (column.why && column.why(call)) cell.title = column.why(call);
  }

  function set(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // Draws a histogram from 1 ms to 1000 s, with four bars for each power of ten.
  function draw(cell, call) {
    const bars = new Array(24).fill(0);
    for (const [time, count] of call.request.buckets) {
      const at = Math.floor(4 * (Math.log10(Math.max(time, 0.001)) + 3));
      bars[Math.min(Math.max(at, 0), 23)] += count;
    }
    const most = Math.max(...bars, 1);
    const path = bars.map((count, at) => {
      const height = count && Math.max(1, 20 * count / most);
      return count ? `M${4 * at} 20v${-height}h3v${height}z` : "";
    }).join("");
    let svg = cell.firstChild;
    if (!svg) {
      svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", "0 0 96 20");
      svg.setAttribute("aria-hidden", "true");
      svg.append(document.createElementNS(SVG, "path"));
      cell.append(svg);
    }
    svg.firstChild.setAttribute("d", path);
  }

  function chart() {
    const last = points.at(-1);
    // At first the chart spans half of POINTS, so that a line is soon visible.
    const room = Math.max(points.length, POINTS / 2) - 1, from = room + 1 - points.length;
    for (const name of ["rate", "busy"]) {
      const most = Math.max(...points.map((point) => point[name]), 0.001);
      const d = points.map((point, at) => {
        const x = 600 * (from + at) / room;
        return `${at ? "L" : "M"}${x.toFixed(1)} ${(98 - 96 * point[name] / most).toFixed(1)}`;
      }).join("");
      $("chart").querySelector("." + name).setAttribute("d", d);
      set($(name), last ? rate(last[name]) : "–");
    }
    if (last) {
      const most = Math.max(...points.map((point) => point.rate));
      set($("chart-title"), `The last ${Math.ceil(points.length * PAUSE / 60000)} minutes: ` +
        `${rate(last.rate)} requests a second now, ${rate(most)} at most`);
    }
  }

  async function ask() {
    try {
      const response = await fetch(`${location.pathname}?format=json&top=${TOP}`,
        { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      if (!response.ok) throw new Error(`the server says ${response.status}`);
      take(await response.json());
      failing = null;
      $("alarm").hidden = true;
      show();
      chart();
    } catch (error) {
      failing = failing || new Date();
      set($("alarm"), `No figures since ${failing.toLocaleTimeString()}: ${error.message}. Trying again.`);
      $("alarm").hidden = false;
    }
    setTimeout(ask, document.hidden ? 10 * PAUSE : PAUSE);
  }
  ask();
})();
