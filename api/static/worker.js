/* The service worker. Pages always come from the server; without a network there is the one page that says so,
   and the form for a need, which may be opened and filled in. Files with a fingerprint are kept. */
"use strict";

const KEPT = "yongjin-1";
const FORMS = ["/needs/new"];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.add("/offline")).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const others = (names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(others).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, url));
  else if (url.pathname.startsWith("/static/") && url.searchParams.has("v")) event.respondWith(file(request));
});

async function page(request, url) {
  const isForm = request.method === "GET" && FORMS.includes(url.pathname) && !url.search;
  try {
    const answer = await fetch(request);
    if (isForm && answer.ok) (await caches.open(KEPT)).put(url.pathname, answer.clone());
    return answer;
  } catch {
    const kept = await caches.open(KEPT);
    return (isForm && (await kept.match(url.pathname))) || (await kept.match("/offline")) || Response.error();
  }
}

async function file(request) {
  const kept = await caches.open(KEPT), known = await kept.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) kept.put(request, answer.clone());
  return answer;
}
