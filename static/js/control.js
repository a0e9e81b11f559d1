// The control page's entry: the shared live views, and what only the speaker has.

import { mountDeadLetters } from "./dead_letters.js";
import { mountDeeds } from "./deeds.js";
import { mountHealth } from "./health.js";
import { apply, model } from "./live.js";
import { mountLog } from "./log.js";
import { mountPreflight } from "./preflight.js";

mountHealth(model);
mountDeeds(model, apply, mountPreflight(model));
mountLog(model);
mountDeadLetters(model);
