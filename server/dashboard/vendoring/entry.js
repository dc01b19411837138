// Everything the dashboard takes from others, as one module.
import { h } from "preact";
import htm from "htm";

export { h, render, Fragment, createContext } from "preact";
export { useEffect, useLayoutEffect, useMemo, useRef, useState, useCallback, useContext } from "preact/hooks";
export { signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect } from "@preact/signals";
export { default as uPlot } from "uplot";
import dagre from "@dagrejs/dagre";
export { dagre };
export const html = htm.bind(h);
