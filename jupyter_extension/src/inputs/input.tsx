/** The input that fits a question. A new kind of prompt is a module beside this one and a line here. */

import { ApprovalInput } from "./approval";
import { ChoiceInput } from "./choice";
import { DateInput } from "./date";
import { FilesInput } from "./files";
import { FormInput } from "./form";
import type { InputProps } from "./kit";
import { whole } from "./kit";
import { NumberInput } from "./number";
import { TextInput } from "./text";

export function Input(props: InputProps) {
  const { prompt } = props;
  switch (prompt.kind) {
    case "text":
      return <TextInput {...props} prompt={prompt} />;
    case "approval":
      return <ApprovalInput {...props} prompt={prompt} />;
    case "choice":
      return <ChoiceInput {...props} prompt={prompt} />;
    case "number":
      return <NumberInput {...props} prompt={prompt} />;
    case "date":
      return <DateInput {...props} prompt={prompt} />;
    case "files":
    case "text_or_files":
      return <FilesInput {...props} prompt={prompt} />;
    case "form":
      return <FormInput {...props} prompt={prompt} />;
    case "callback":
      return (
        <>
          {!prompt.job || !prompt.prompt.includes(prompt.job) ? (
            <div class="aether-muted">Waits for {prompt.job || "an answer from elsewhere"}.</div>
          ) : null}
          <div role="alert" class="aether-problems">
            {whole(props.problems)}
          </div>
        </>
      );
  }
}
