/**
 * Reading a storage request, whose fields nothing has checked yet.
 *
 * @module
 */

/** `{ op, tableName, … }`, as it came over the wire. */
export type StorageRequest = Readonly<Record<string, unknown>>;

/** An object of Convex values: a row to write, metadata, keys to look up. */
export type StorageRecord = Record<string, unknown>;

/** The reason of a refusal; the reply is `ok: false` with code and message. */
export class RefusedRequest extends Error {
  code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The request lacks something, or has it in the wrong form. */
export class InvalidRequest extends RefusedRequest {
  constructor(message: string) {
    super("InvalidRequest", message);
  }
}

export function isRecord(value: unknown): value is StorageRecord {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ArrayBuffer)
  );
}

/** Whether this is a non-negative integer. */
export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

export function recordField(
  request: StorageRequest,
  name: string,
): StorageRecord {
  const value = request[name];
  if (!isRecord(value)) throw wrongField(request, name, "an object");
  return value;
}

export function recordsField(
  request: StorageRequest,
  name: string,
): StorageRecord[] {
  const value = request[name];
  if (!Array.isArray(value) || !value.every(isRecord)) {
    throw wrongField(request, name, "a list of objects");
  }
  return value;
}

/** A list of numbers. Only the schema checks the items, since reading them here would unpack the list. */
export function numbersField(request: StorageRequest, name: string): number[] {
  const value = request[name];
  if (!Array.isArray(value)) throw wrongField(request, name, "a list");
  return value;
}

export function textField(request: StorageRequest, name: string): string {
  const value = request[name];
  if (typeof value !== "string") throw wrongField(request, name, "a string");
  return value;
}

export function numberField(request: StorageRequest, name: string): number {
  const value = request[name];
  if (typeof value !== "number") throw wrongField(request, name, "a number");
  return value;
}

/** A list of ids, each once, in order of first appearance. */
export function idsField(request: StorageRequest, name: string): string[] {
  const value = request[name];
  if (
    !Array.isArray(value) ||
    !value.every((id): id is string => typeof id === "string")
  ) {
    throw wrongField(request, name, "a list of strings");
  }
  return [...new Set(value)];
}

/** The cursor of the requested page; `null` for the first page. */
export function cursorOf(request: StorageRequest): string | null {
  return request.cursor == null ? null : textField(request, "cursor");
}

export function optional<T>(
  read: (request: StorageRequest, name: string) => T,
  request: StorageRequest,
  name: string,
): T | undefined {
  return request[name] === undefined ? undefined : read(request, name);
}

function wrongField(
  request: StorageRequest,
  name: string,
  expected: string,
): InvalidRequest {
  return new InvalidRequest(`${request.op} ${name} must be ${expected}`);
}
