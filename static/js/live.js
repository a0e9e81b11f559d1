// The page's entry for everything that moves: one model, one stream, and the views that show it. Slides and the control
// page load it alike; a view finds its own placeholders and costs nothing where there are none.

import { mountCues } from "./cues.js";
import { mountDeckProblems } from "./deck_problems.js";
import { mountFields } from "./fields.js";
import { mountFlow } from "./flow.js";
import { mountGraphs } from "./graph.js";
import { createModel } from "./model.js";
import { mountOptional } from "./optional.js";
import { mountPhase } from "./phase.js";
import { mountPods } from "./pods.js";
import { mountReload } from "./reload.js";
import { mountSpoken } from "./spoken.js";
import { openStream } from "./stream.js";
import { streamUrl } from "./window.js";

const { model, apply, hear, connect } = createModel((call) => requestAnimationFrame(call));

/**
 * The page's model; `apply` for what a view learns from an answer of the server before the stream says it; `hear` for
 * what cannot wait for the next frame.
 */
export { model, apply, hear };

/** For whoever looks from the console, and for the browser tests: the numbers behind the pixels. */
window.podium = { model };

/** Brings the placeholders below `root` to life. They take the model's history with them, however late they come. */
function mount(root) {
  mountGraphs(model, root);
  mountPhase(model, root);
  mountCues(model, apply, root);
}

mount(document);
mountFields(model);
mountOptional(model);
mountFlow(model);
mountPods(model);
mountSpoken(model);
openStream(streamUrl(), { apply, connect });
mountReload(model, (slides) => slides.forEach(mount));
mountDeckProblems(model);
