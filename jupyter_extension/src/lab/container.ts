/**
 * The script that JupyterLab loads: a module-federation container. Lab gives it what it shares, and asks it for
 * the one module that it exposes, the plugins of `index.ts`, whose code begins only then.
 */

import type { Scope } from "./shared";
import { take } from "./shared";

/** Written in by `federated.mjs`. */
declare const NAME: string;
declare const SHARED: string[];
declare const SHEET: string;

interface Container {
  init(scope: Scope): void;
  get(module: string): Promise<() => unknown>;
}

declare global {
  interface Window {
    _JUPYTERLAB?: Record<string, Container>;
  }
}

const here = (document.currentScript as HTMLScriptElement | null)?.src ?? "";
let scope: Scope = {};

(window._JUPYTERLAB ??= {})[NAME] = {
  init(given) {
    scope = given;
  },
  async get() {
    await take(SHARED, scope);
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL(SHEET, here).href });
    document.head.append(link);
    const { default: plugins } = await import("./index");
    return () => ({ __esModule: true, default: plugins });
  },
};
