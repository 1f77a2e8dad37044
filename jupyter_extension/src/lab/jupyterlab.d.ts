/**
 * The part of JupyterLab's interface that the plugin uses, as in JupyterLab 4.5. By hand, because the packages
 * with the whole of it bring half a gigabyte of others; the browser tests hold it against the real ones.
 */

interface Signal<Sender, Args> {
  connect(slot: (sender: Sender, args: Args) => void): boolean;
  disconnect(slot: (sender: Sender, args: Args) => void): boolean;
}

declare module "@jupyterlab/application" {
  import type { CommandRegistry } from "@lumino/commands";
  import type { Token } from "@lumino/coreutils";
  import type { Widget } from "@lumino/widgets";
  import type { IWidgetTracker } from "@jupyterlab/apputils";

  export interface JupyterFrontEnd {
    readonly commands: CommandRegistry;
    readonly restored: Promise<unknown>;
    readonly shell: {
      readonly currentWidget: Widget | null;
      add(widget: Widget, area: string, options?: { rank?: number }): void;
      activateById(id: string): void;
    };
    readonly serviceManager: {
      readonly serverSettings: { readonly baseUrl: string; readonly token: string };
    };
  }
  export interface JupyterFrontEndPlugin<T> {
    id: string;
    description?: string;
    autoStart?: boolean;
    requires?: Token<unknown>[];
    optional?: Token<unknown>[];
    activate(app: JupyterFrontEnd, ...services: never[]): T;
  }
  export interface ILabShell {
    readonly currentWidget: Widget | null;
  }
  export const ILabShell: Token<ILabShell>;
  export interface ILayoutRestorer {
    add(widget: Widget, name: string): void;
    restore<T extends Widget>(
      tracker: IWidgetTracker<T>,
      options: { command: string; args(widget: T): object; name(widget: T): string },
    ): Promise<unknown>;
  }
  export const ILayoutRestorer: Token<ILayoutRestorer>;
}

declare module "@jupyterlab/apputils" {
  import type { Token } from "@lumino/coreutils";
  import type { Widget } from "@lumino/widgets";
  import { Panel } from "@lumino/widgets";

  export interface IWidgetTracker<T extends Widget> {
    readonly currentWidget: T | null;
    readonly widgetAdded: Signal<this, T>;
    find(fits: (widget: T) => boolean): T | undefined;
    forEach(each: (widget: T) => void): void;
  }
  export class WidgetTracker<T extends Widget> implements IWidgetTracker<T> {
    constructor(options: { namespace: string });
    readonly currentWidget: T | null;
    readonly widgetAdded: Signal<this, T>;
    find(fits: (widget: T) => boolean): T | undefined;
    forEach(each: (widget: T) => void): void;
    add(widget: T): Promise<void>;
    save(widget: T): Promise<void>;
  }
  export class MainAreaWidget<T extends Widget> extends Panel {
    constructor(options: { content: T });
    readonly content: T;
    readonly toolbar: Widget;
  }
  export interface ICommandPalette {
    addItem(options: { command: string; category: string; args?: object }): unknown;
  }
  export const ICommandPalette: Token<ICommandPalette>;
  export interface IToolbarWidgetRegistry {
    addFactory<T extends Widget>(widgetFactory: string, name: string, factory: (main: T) => Widget): unknown;
  }
  export const IToolbarWidgetRegistry: Token<IToolbarWidgetRegistry>;
  interface Button {
    label: string;
    accept: boolean;
  }
  export const Dialog: {
    cancelButton(): Button;
    okButton(options: { label: string }): Button;
    warnButton(options: { label: string }): Button;
  };
  export function showDialog(options: {
    title: string;
    body: string;
    buttons: Button[];
    defaultButton?: number;
  }): Promise<{ button: Button }>;
  interface NotificationOptions {
    autoClose?: number | false;
    actions?: { label: string; callback(): void }[];
  }
  export const Notification: {
    info(message: string, options?: NotificationOptions): string;
    warning(message: string, options?: NotificationOptions): string;
  };
}

declare module "@jupyterlab/notebook" {
  import type { IWidgetTracker } from "@jupyterlab/apputils";
  import type { Token } from "@lumino/coreutils";
  import type { Widget } from "@lumino/widgets";

  export interface IOutput {
    output_type: string;
    data?: Record<string, unknown>;
    metadata?: Record<string, unknown>;
  }
  export interface IOutputs {
    readonly length: number;
    get(index: number): { toJSON(): IOutput };
    set(index: number, output: IOutput): void;
  }
  export interface ICell extends Widget {
    /** Of code cells only. */
    readonly model: { readonly outputs?: IOutputs };
  }
  export interface IMessage {
    header: { msg_type: string };
    content: { data?: Record<string, unknown>; metadata?: Record<string, unknown> };
  }
  interface Evaluated {
    status: "ok" | "error";
    ename?: string;
    evalue?: string;
    data?: Record<string, string>;
  }
  export interface IKernel {
    readonly status: string;
    requestExecute(content: {
      code: string;
      silent: boolean;
      store_history: boolean;
      user_expressions: Record<string, string>;
    }): { readonly done: Promise<{ content: { status: string; user_expressions?: Record<string, Evaluated> } }> };
  }
  export interface NotebookPanel extends Widget {
    readonly context: { readonly path: string; readonly ready: Promise<void> };
    readonly revealed: Promise<void>;
    readonly sessionContext: {
      readonly ready: Promise<void>;
      readonly session: { readonly kernel: IKernel | null } | null;
      readonly iopubMessage: Signal<unknown, IMessage>;
      /** Of the kernel that it has, or had last. */
      readonly prevKernelName: string;
      readonly sessionManager: { refreshRunning(): Promise<void> };
      changeKernel(options: { name: string }): Promise<unknown>;
    };
    readonly content: Widget & {
      readonly widgets: readonly ICell[];
      activeCellIndex: number;
      scrollToCell(cell: ICell, align?: "auto" | "smart" | "center" | "start" | "end"): Promise<void>;
    };
  }
  export type INotebookTracker = IWidgetTracker<NotebookPanel>;
  export const INotebookTracker: Token<INotebookTracker>;
}

declare module "@jupyterlab/settingregistry" {
  import type { Token } from "@lumino/coreutils";

  export interface ISettings {
    readonly composite: Record<string, unknown>;
    readonly changed: Signal<this, void>;
  }
  export interface ISettingRegistry {
    load(plugin: string): Promise<ISettings>;
  }
  export const ISettingRegistry: Token<ISettingRegistry>;
}

declare module "@jupyterlab/ui-components" {
  import { Widget } from "@lumino/widgets";
  import type { AccordionPanel } from "@lumino/widgets";

  export class LabIcon {
    constructor(options: { name: string; svgstr: string });
  }
  export class SidePanel extends Widget {
    readonly content: AccordionPanel;
    addWidget(widget: Widget): void;
  }
}
