// The preflight's own page is whole without scripts; with them its commands can be copied.

import { offerCopies } from "./copy.js";

offerCopies(document);
