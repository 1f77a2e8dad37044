/**
 * The anywidget module that the kernel sends with a run. anywidget calls the factory once per
 * model, so what `initialize` makes is shared by the model's views and by nobody else.
 */

import type { Wire } from "./link";
import { Session } from "./session";
import { mount } from "./view";

export default function widget() {
  let session: Session | undefined;
  return {
    /** Must not wait: anywidget drops messages of a model that takes two seconds to start. */
    initialize({ model }: { model: Wire }): () => void {
      session = new Session(model);
      return () => session?.dispose();
    },
    render({ model, el }: { model: Wire; el: HTMLElement }): () => void {
      session ??= new Session(model);
      session.link.hello();
      return mount(session, el);
    },
  };
}
