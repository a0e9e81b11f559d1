// Measures slides in the browser: what hangs out of its box, and what is too small for the last row.

/** Labels of diagrams (`g.node`, `[data-node]`) that are wider or higher than their node's shape; empty when all fit. */
export const labelsOutside = (page) =>
  page.evaluate(() => {
    const slack = 1;
    const found = [];
    for (const node of document.querySelectorAll(".slide.current svg :is(g.node, [data-node]), .flow svg [data-node]")) {
      const shape = node.querySelector("rect, polygon, circle, ellipse, path");
      if (!shape) continue;
      const box = shape.getBoundingClientRect();
      for (const label of node.querySelectorAll("text, foreignObject span, foreignObject p")) {
        const text = label.getBoundingClientRect();
        if (text.width === 0) continue;
        const out =
          text.left < box.left - slack || text.right > box.right + slack || text.top < box.top - slack || text.bottom > box.bottom + slack;
        if (out) found.push(`"${label.textContent.trim()}" ${Math.round(text.width)}×${Math.round(text.height)} in ${Math.round(box.width)}×${Math.round(box.height)}`);
      }
    }
    return found;
  });

/** Texts of one node that are drawn over each other: a live value on its label. */
export const labelsOverlapping = (page) =>
  page.evaluate(() => {
    const found = [];
    for (const node of document.querySelectorAll(".slide.current svg :is(g.node, [data-node]), .flow svg [data-node]")) {
      const texts = [...node.querySelectorAll("text, foreignObject p")].filter((text) => text.textContent.trim());
      texts.forEach((text, at) => {
        const a = text.getBoundingClientRect();
        for (const other of texts.slice(at + 1)) {
          const b = other.getBoundingClientRect();
          // Boxes of lines may touch: the height of a line is more than that of its letters.
          const overlap = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          const beside = a.right <= b.left || b.right <= a.left;
          if (!beside && overlap > 0.35 * Math.min(a.height, b.height)) found.push(`"${text.textContent.trim()}" on "${other.textContent.trim()}"`);
        }
      });
    }
    return found;
  });

/** Elements of the current slide that reach beyond it or beyond the window; empty when all fits. */
export const overflow = (page) =>
  page.evaluate(() => {
    const slack = 1.5;
    const slide = document.querySelector(".slide.current");
    const frame = slide.getBoundingClientRect();
    const right = Math.min(frame.right, innerWidth);
    const bottom = Math.min(frame.bottom, innerHeight);
    const clipped = (element) => {
      for (let up = element.parentElement; up && up !== slide; up = up.parentElement) {
        if (getComputedStyle(up).overflow !== "visible" || up instanceof SVGElement) return true;
      }
      return false;
    };
    const found = [];
    for (const element of slide.querySelectorAll("*")) {
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0 || element.closest(".visually-hidden") || clipped(element)) continue;
      if (box.left < frame.left - slack || box.top < frame.top - slack || box.right > right + slack || box.bottom > bottom + slack) {
        found.push(`${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""} to ${Math.round(box.right)},${Math.round(box.bottom)}`);
      }
      // A scroller hides what does not fit: on a slide that is lost.
      if (element instanceof HTMLElement && element.scrollHeight > element.clientHeight + 2 && /auto|scroll|hidden/.test(getComputedStyle(element).overflowY)) {
        if (!element.classList.contains("plot")) found.push(`${element.tagName.toLowerCase()} hides ${element.scrollHeight - element.clientHeight} px`);
      }
    }
    return found;
  });

/** Text of the current slide drawn smaller than `least` CSS pixels; diagrams count as they are scaled. */
export const tooSmall = (page, least) =>
  page.evaluate((least) => {
    const found = [];
    const walker = document.createTreeWalker(document.querySelector(".slide.current"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const words = walker.currentNode.textContent.trim();
      const element = walker.currentNode.parentElement;
      if (!words || element.closest("style, title, desc, .visually-hidden") || element.getClientRects().length === 0) continue;
      const scale = element instanceof SVGElement ? (element.getScreenCTM?.()?.a ?? 1) : 1;
      const size = parseFloat(getComputedStyle(element).fontSize) * scale;
      if (size < least - 0.1) found.push(`"${words.slice(0, 40)}" ${size.toFixed(1)} px`);
    }
    return found;
  }, least);
