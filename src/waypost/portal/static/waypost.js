// Enhancements for pages that work without JavaScript: modal dialogs, copy buttons, previews, counts of new deliveries.
"use strict";

// Dialogs opened by the server or by a link become modal; closing one returns to the plain page.
function openDialog(dialog) {
  if (dialog.open) dialog.close();
  dialog.showModal();
}

for (const dialog of document.querySelectorAll("dialog[open]")) openDialog(dialog);

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const closer = event.target.closest("dialog [data-close]");
  const copier = event.target.closest("[data-copy]");
  if (opener && !opener.disabled) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (!dialog) return;
    event.preventDefault();
    const menu = opener.closest("details.menu");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus(); // so that the focus returns here when the dialog closes
    }
    openDialog(dialog);
  } else if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
    leaveDialogs(); // now, because the event follows later, and a reload before it would open the dialog again
  } else if (copier) {
    copy(copier);
  }
});

// Make the address that of the page without a dialog.
function leaveDialogs() {
  const url = new URL(location.href);
  const asking = ["do", "result", "status", "revoke", "remove", "bulk"];
  if (!["do", "revoke", "remove", "bulk"].some((name) => url.searchParams.has(name))) return;
  for (const name of asking) url.searchParams.delete(name);
  history.replaceState(null, "", url);
}

for (const dialog of document.querySelectorAll("dialog")) {
  // One that was only reopened as a modal one keeps its address, which must survive a reload.
  dialog.addEventListener("close", () => { if (!dialog.open) leaveDialogs(); });
}

async function copy(button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    const shown = button.parentElement.querySelector(".copyable");
    if (shown) getSelection().selectAllChildren(shown);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = label; }, 2000);
}

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
for (const button of document.querySelectorAll("[data-noscript]")) button.hidden = true;

// Menus: arrow keys move, Escape closes and restores the focus, a click elsewhere closes.
for (const menu of document.querySelectorAll("details.menu")) {
  const summary = menu.querySelector("summary");
  const items = [...menu.querySelectorAll(".menu-item")];
  const announce = () => summary.setAttribute("aria-expanded", String(menu.open));
  announce();
  menu.addEventListener("toggle", announce);
  menu.addEventListener("keydown", (event) => {
    const place = items.indexOf(document.activeElement);
    const steps = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: items.length - 1 };
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      summary.focus();
    } else if (event.key in steps) {
      event.preventDefault();
      menu.open = true;
      items[(steps[event.key] + items.length) % items.length].focus();
    }
  });
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
}

// The status checkboxes are shown only with "Specific statuses".
for (const form of document.querySelectorAll("form")) {
  const radio = form.querySelector("[data-shows]");
  if (!radio) continue;
  const picks = document.getElementById(radio.dataset.shows);
  const follow = () => { picks.hidden = !radio.checked; };
  follow();
  form.addEventListener("change", follow);
}

for (const select of document.querySelectorAll("[data-preview]")) {
  select.addEventListener("change", async () => {
    const answer = await fetch(`${select.dataset.preview}?status=${encodeURIComponent(select.value)}`);
    if (answer.redirected) location.reload(); // the session has ended
    else if (answer.ok) document.getElementById("preview").innerHTML = await answer.text();
  });
}

for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", (event) => {
    const button = event.submitter || form.querySelector("button.primary");
    button.textContent = form.dataset.busy;
    setTimeout(() => { button.disabled = true; }, 0);
  });
}

// A page that only looks live is worse than none: it says so once its session has ended.
function signedOut() {
  if (document.querySelector("[data-signed-out]")) return;
  const notice = document.createElement("p");
  notice.className = "warning";
  notice.dataset.signedOut = "";
  notice.setAttribute("role", "status");
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Sign in again";
  notice.append("You are signed out, and this page no longer updates. ", link);
  document.getElementById("main").prepend(notice);
}

// Polls while the page is visible and passes on the responses; a missed response does no harm.
function keepAsking(path, accept, tell) {
  const ask = async () => {
    if (document.hidden) return;
    const answer = await fetch(path, { headers: { accept } });
    if (answer.redirected) signedOut();
    else if (answer.ok) tell(await answer.text());
  };
  return setInterval(() => { ask().catch(() => undefined); }, 5000);
}

const news = document.querySelector("[data-new]");
if (news) {
  keepAsking(news.dataset.new, "application/json", (text) => {
    const { count } = JSON.parse(text);
    if (!count) return;
    const link = document.createElement("a");
    link.href = location.href;
    const more = count >= Number(news.dataset.most) ? " or more" : "";
    link.textContent = `${count}${more} new ${count === 1 ? "delivery" : "deliveries"}`;
    news.replaceChildren(link);
  });
}

// A running recovery has a Stop button; without one there is nothing to poll for.
for (const part of document.querySelectorAll("[data-refresh]")) {
  if (!part.querySelector("form")) continue;
  const asking = keepAsking(part.dataset.refresh, "text/html", (text) => {
    const form = part.contains(document.activeElement) && document.activeElement.form;
    part.innerHTML = text;
    if (form) part.querySelector(`form[action="${form.getAttribute("action")}"] button`)?.focus();
    if (!part.querySelector("form")) clearInterval(asking);
  });
}
