// The QR code over the slides, on every screen that follows the speaker, while the room's position says so. The
// speaker's closing it closes it for all; a viewer closes their own and sees the next one again.

/** Mounts the overlay. `hide` asks the room to take it away; absent for viewers. */
export function mountQr(room, hide) {
  const dialog = document.getElementById("qr");
  let wanted = false;

  /** Fresh each time: the machine may have joined the room's network since. */
  async function load() {
    const answer = await fetch("/qr");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const close = document.createElement("form");
    close.method = "dialog";
    const button = document.createElement("button");
    button.className = "invitation-close";
    button.textContent = "Close";
    close.append(button);
    const invitation = document.adoptNode(page.querySelector(".invitation"));
    // The dialog as a whole takes the focus: a ring around its link would be on every screen of the room.
    invitation.tabIndex = -1;
    invitation.autofocus = true;
    dialog.replaceChildren(invitation, close);
  }

  room.onChange(({ follows, position }) => {
    const now = follows && position?.qr === true;
    if (now === wanted) return;
    wanted = now;
    if (!now) {
      if (dialog.open) dialog.close();
      return;
    }
    load().catch(() => {
      dialog.textContent = "The code cannot be shown: the server does not answer.";
    }).finally(() => wanted && !dialog.open && dialog.showModal());
  });

  dialog.addEventListener("close", () => {
    // Closed by hand, not by the room.
    if (wanted) hide?.();
  });
}
