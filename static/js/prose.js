// The server's sentences have commands between backticks, as a terminal shows them; on a page they are code.

export function code(text) {
  const element = document.createElement("code");
  element.textContent = text;
  return element;
}

/** The nodes of a sentence. */
export function prose(text) {
  const parts = (text ?? "").split("`");
  // One backtick too many is no markup.
  if (parts.length % 2 === 0) return [text];
  return parts.map((part, at) => (at % 2 === 1 ? code(part) : part));
}
