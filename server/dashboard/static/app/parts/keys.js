// Keys: what is shown says which keys it takes, and the list of them is what `?` shows.

import { signal, useLayoutEffect, useRef } from "../../vendor/ui.js";

/** @typedef {{keys: string[], text: string, group?: string, run: (event: KeyboardEvent) => void,
 *   when?: (event: KeyboardEvent) => boolean, inFields?: boolean, inDialog?: boolean}} Shortcut */

/** What the present view takes, innermost last. @type {{value: Shortcut[][]}} */
export const shortcuts = signal([]);

/** Take keys while the component is shown. A key is as `KeyboardEvent.key` names it ("j", "Enter", "?", " "). */
export function useKeys(list) {
  const latest = useRef(list);
  latest.current = list;
  // With what is shown, not a moment later: keys come at once.
  useLayoutEffect(() => {
    const entry = latest.current.map((item, place) => ({ ...item, run: (event) => latest.current[place]?.run(event),
      when: (event) => latest.current[place]?.when?.(event) ?? true }));
    shortcuts.value = [...shortcuts.peek(), entry];
    return () => { shortcuts.value = shortcuts.peek().filter((item) => item !== entry); };
  }, [list.map((item) => item.keys.join()).join("|")]);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = isField(event.target);
  const inDialog = document.querySelector("dialog[open]");
  for (const list of shortcuts.peek().toReversed()) {
    for (const item of list) {
      if (!item.keys.includes(event.key) || (typing && !item.inFields) || !item.when(event)) continue;
      if (inDialog && !item.inDialog) continue;
      if ((event.key === " " || event.key === "Enter") && isControl(event.target)) continue;
      event.preventDefault();
      item.run(event);
      return;
    }
  }
});

const isField = (target) =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
const isControl = (target) => target instanceof HTMLElement && target.matches("button, a, summary, input, [role=tab]");
