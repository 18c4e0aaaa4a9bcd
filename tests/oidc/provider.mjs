// A company's sign-in, for tests: oidc-provider as it is, with the people and the client it is told of.
//   usage: node provider.mjs PORT < {"client": {...}, "people": {"login": {claims}}}
// Whoever posts {login, amr} to an interaction is signed in as that person, and consents.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "./vendor/oidc-provider.mjs";

const told = JSON.parse(readFileSync(0, "utf8"));
const port = Number(process.argv[2]);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [told.client],
  clientAuthMethods: ["client_secret_basic"],
  pkce: { required: () => true },
  scopes: ["openid", "phone"],
  claims: { openid: ["sub", "amr"], phone: ["phone_number", "phone_number_verified"] },
  findAccount: (_, id) =>
    told.people[id] && { accountId: id, claims: () => ({ sub: id, ...told.people[id] }) },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: { enabled: false },
  },
  cookies: { keys: ["of a test"] },
});

async function interact(request, response) {
  const details = await provider.interactionDetails(request, response);
  const body = [];
  for await (const part of request) body.push(part);
  const sent = new URLSearchParams(Buffer.concat(body).toString());
  const grant = new provider.Grant({ accountId: sent.get("login"), clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  const amr = (sent.get("amr") ?? "").split(" ").filter(Boolean);
  await provider.interactionFinished(request, response, {
    login: { accountId: sent.get("login"), amr: amr.length ? amr : undefined },
    consent: { grantId: await grant.save() },
  });
}

const answer = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith("/interaction/")) return answer(request, response);
  if (request.method === "GET") return response.end("who are you?");
  interact(request, response).catch((error) => {
    response.statusCode = 400;
    response.end(String(error));
  });
}).listen(port, "127.0.0.1", () => console.log("ready"));
