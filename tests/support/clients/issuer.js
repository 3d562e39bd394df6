// Users' tokens: a key pair whose public half is in an `auth.config.ts`, and tokens signed with the private half.
//
//     node issuer.js FOLDER              writes FOLDER/auth.config.ts and prints the private key
//     node issuer.js KEY SUBJECT SECONDS prints a token
import { argv } from "node:process";
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ISSUER = "https://users.example";

function writeConfig(folder) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
  });
  const key = { ...publicKey.export({ format: "jwk" }), kid: "k", use: "sig" };
  const keys = Buffer.from(JSON.stringify({ keys: [key] })).toString("base64");
  const provider = {
    type: "customJwt",
    issuer: ISSUER,
    applicationID: "chat",
    jwks: `data:application/json;base64,${keys}`,
    algorithm: "ES256",
  };
  const config = `export default ${JSON.stringify({ providers: [provider] })};`;
  writeFileSync(join(folder, "auth.config.ts"), config);
  return JSON.stringify(privateKey.export({ format: "jwk" }));
}

/** A user's token that is valid for so many seconds. */
export function token(key, subject, seconds) {
  const part = (json) =>
    Buffer.from(JSON.stringify(json)).toString("base64url");
  const iat = Math.floor(Date.now() / 1000);
  const header = { alg: "ES256", typ: "JWT", kid: "k" };
  const claims = { iss: ISSUER, sub: subject, aud: "chat", iat };
  const text = `${part(header)}.${part({ ...claims, exp: iat + seconds })}`;
  const signature = sign("sha256", Buffer.from(text), {
    key: createPrivateKey({ key: JSON.parse(key), format: "jwk" }),
    dsaEncoding: "ieee-p1363",
  });
  return `${text}.${signature.toString("base64url")}`;
}

if (import.meta.url === pathToFileURL(argv[1]).href) {
  const [first, subject, seconds] = argv.slice(2);
  const isKey = subject !== undefined;
  console.log(
    isKey ? token(first, subject, Number(seconds)) : writeConfig(first),
  );
}
