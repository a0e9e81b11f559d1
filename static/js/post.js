// An action asked of the server, and its answer as the buttons want it: the action, or what went wrong and what to do.

const UNANSWERED = { message: "The server did not answer.", remedy: "Look at the terminal where podium runs, then press again." };
const SIGNED_OUT = { message: "This page's session has ended.", remedy: "Open the speaker's link from the terminal again." };

/** Posts the fields to `url`; resolves to `{action}`, or to `{error: {message, remedy, field?}}`, and never rejects. */
export async function post(url, fields) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(fields),
    });
    if (answer.status === 401) return { error: SIGNED_OUT };
    const body = await answer.json();
    if (answer.ok) return body;
    return { error: body.error ?? UNANSWERED };
  } catch {
    return { error: UNANSWERED };
  }
}
