/* What a browser with scripts adds: drafts that survive a lost network, keys, saved filters, the installed app.
   Every page works without it. */
"use strict";

(() => {
  const body = document.body, viewer = body.dataset.viewer || "";
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // The installed app

  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js").catch(() => {});

  // Drafts, in the browser's own database: fields and photos, by person and form

  let base;  // opened once: what is written as a form is sent must not wait for it
  const opened = () => base ??= new Promise((done, failed) => {
    const asked = indexedDB.open("yongjin", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("draft");
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
  const drafts = async (mode, act) => {
    const store = (await opened()).transaction("draft", mode).objectStore("draft"), asked = act(store);
    return new Promise((done, failed) => {
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error);
    });
  };
  const keyOf = (form) => `${viewer} ${form.dataset.draft}`;

  function written(form) {
    const fields = [], files = {};
    for (const field of form.elements) {
      if (!field.name || field.type === "hidden" || field.type === "password") continue;
      if (field.type === "file") files[field.name] = [...field.files];
      else if (field.type === "checkbox" || field.type === "radio") fields.push([field.name, field.value, field.checked]);
      else fields.push([field.name, field.value]);
    }
    return { fields, files };
  }

  function fill(form, { fields, files }) {
    for (const [name, value, checked] of fields) {
      const field = all("[name]", form).find((known) => known.name === name && (checked === undefined || known.value === value));
      if (!field) continue;
      if (checked === undefined) field.value = value;
      else field.checked = checked;
    }
    for (const [name, kept] of Object.entries(files)) {
      const field = one(`input[type=file][name="${CSS.escape(name)}"]`, form);
      if (!field || !kept.length) continue;
      const put = new DataTransfer();
      kept.forEach((file) => put.items.add(file));
      field.files = put.files;
    }
  }

  async function keepDrafts(form) {
    const key = keyOf(form), note = one("[data-draft-note]", form);
    let waits = 0, begun = false;
    const put = () => {
      clearTimeout(waits);
      drafts("readwrite", (store) => store.put(written(form), key)).catch(() => {});
    };
    const keep = () => {
      begun = true;
      clearTimeout(waits);
      waits = setTimeout(put, 200);
    };
    form.addEventListener("input", keep);
    form.addEventListener("change", keep);
    form.addEventListener("submit", () => {
      sessionStorage.setItem("sent", key);
      put();
    });
    const known = await drafts("readonly", (store) => store.get(key));
    if (known && !begun && !one(".wrong, .note.bad", form)) {
      fill(form, known);
      if (note) note.hidden = false;
    }
    one("[data-draft-drop]", form)?.addEventListener("click", async () => {
      await drafts("readwrite", (store) => store.delete(key));
      form.reset();
      note.hidden = true;
    });
  }

  async function forgetSent() {
    const sent = sessionStorage.getItem("sent");
    sessionStorage.removeItem("sent");
    if (!sent || one("[data-offline]") || all("form[data-draft]").some((form) => keyOf(form) === sent)) return;
    await drafts("readwrite", (store) => store.delete(sent));
  }

  if ("indexedDB" in window) {
    forgetSent().catch(() => {});
    all("form[data-draft]").forEach((form) => keepDrafts(form).catch(() => {}));
    all("form[action='/sign-out']").forEach((form) => form.addEventListener("submit", () => {
      drafts("readwrite", (store) => store.clear()).catch(() => {});
      caches?.delete("yongjin-1");
    }));
  }

  // Keys

  let going = false;
  const lines = () => all("main .rows tbody tr, main a.line").map((line) => (line.matches("a") ? line : one("a", line))).filter(Boolean);
  const step = (by) => {
    const known = lines(), at = known.indexOf(document.activeElement);
    const next = known[Math.min(Math.max(at + by, 0), known.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  const follow = (selector) => one(selector)?.click();
  const KEYS = {
    "/": () => (one("main input[type=search]") || one("input[type=search]"))?.focus(),
    j: () => step(1),
    k: () => step(-1),
    ".": () => (one("main .decide .primary, main form .primary, main .page-actions .primary") || one("main .button, main button"))?.focus(),
    "[": () => follow("a[rel=prev]"),
    "]": () => follow("a[rel=next]"),
    u: () => follow("a.back"),
    "?": () => showKeys(),
  };

  async function showKeys() {
    const dialog = one("#keys") || body.appendChild(Object.assign(document.createElement("dialog"), { id: "keys" }));
    if (!dialog.childElementCount) {
      const answer = await fetch("/keys", { headers: { "HX-Request": "true", "HX-Request-Type": "partial" } });
      if (!answer.ok) return;
      dialog.innerHTML = await answer.text();
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }
    dialog.showModal();
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    if (!viewer || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (one("dialog[open]") && event.key !== "Escape") return;
    if (going) {
      going = false;
      const link = one(`.menu a[data-key="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        location.assign(link.href);
      }
      return;
    }
    if (event.key === "g") {
      going = true;
      setTimeout(() => (going = false), 1500);
    } else if (Object.hasOwn(KEYS, event.key)) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });
  one("a[href='/keys']")?.addEventListener("click", (event) => {
    event.preventDefault();
    showKeys();
  });

  // Passwords: shown while they are typed, and how long and varied one is that is being chosen. What is guessed
  // all the same, the server says.

  all("[data-show]").forEach((button) => {
    const field = document.getElementById(button.dataset.show), show = button.textContent;
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      button.textContent = shown ? button.dataset.hide : show;
    });
    field.form.addEventListener("submit", () => (field.type = "password"));  // browsers keep what looks like text
  });
  all("meter[data-strength]").forEach((meter) => {
    const field = document.getElementById(meter.dataset.strength);
    const near = (sign, other) => Math.abs(sign.codePointAt(0) - other.codePointAt(0)) < 2;  // aaa, abc, 321
    field.addEventListener("input", () => {
      const signs = [...field.value], varied = signs.filter((sign, at) => !at || !near(sign, signs[at - 1]));
      meter.hidden = !signs.length;
      meter.value = Math.min(signs.length, varied.length * 1.5, new Set(signs).size * 2);
    });
  });

  // A link that is shown once, to be copied

  all("[data-copy]").forEach((button) => {
    const field = one(`#${button.dataset.copy}`);
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      await navigator.clipboard?.writeText(field.value).catch(() => {});
      button.textContent = button.dataset.done;
    });
  });

  // Saved filters: a name and an address, kept on this device for this person

  const views = one("[data-views]");
  if (views) {
    const place = `views ${viewer} ${location.pathname}`;
    const kept = () => JSON.parse(localStorage.getItem(place) || "[]");
    const put = (list) => { localStorage.setItem(place, JSON.stringify(list)); show(); };
    const asked = () => {
      const query = new URLSearchParams(location.search);
      ["lang", "before", "after"].forEach((name) => query.delete(name));
      return [...query].some(([, value]) => value) ? `?${query}` : "";
    };
    const show = () => {
      const list = one("ul", views), template = one("template", views);
      list.replaceChildren(...kept().map(({ name, query }, place) => {
        const line = template.content.cloneNode(true);
        Object.assign(one("a", line), { textContent: name, href: location.pathname + query });
        if (query === asked()) one("a", line).setAttribute("aria-current", "true");
        const drop = one("button", line);
        drop.setAttribute("aria-label", `${drop.title}: ${name}`);
        drop.addEventListener("click", () => put(kept().filter((_, other) => other !== place)));
        return line;
      }));
      one("[data-views-save]", views).hidden = !asked() || kept().some(({ query }) => query === asked());
      views.hidden = !kept().length && !asked();
    };
    one("[data-views-save]", views).addEventListener("submit", (event) => {
      event.preventDefault();
      const name = one("input", event.target).value.trim();
      if (name) put([...kept(), { name, query: asked() }]);
      event.target.reset();
    });
    document.addEventListener("htmx:after:swap", show);
    addEventListener("popstate", show);
    show();
  }
})();
