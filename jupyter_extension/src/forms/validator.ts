/** The checks as rjsf asks for them. */

import type { ValidatorType } from "@rjsf/utils";
import { check } from "./check";
import type { ErrorTree, Schema } from "./schema";
import { plant } from "./schema";

export const validator: ValidatorType = {
  validateFormData(value, schema) {
    const tree: ErrorTree = {};
    const errors = check(schema as Schema, value).map(({ path, text }) => {
      plant(tree, path, text);
      return { property: `.${path.join(".")}`, message: text, stack: text };
    });
    return { errors, errorSchema: tree as never };
  },
  isValid: (schema, value) => check(schema as Schema, value).length === 0,
  rawValidation: (schema, value) => ({ errors: check(schema as Schema, value) as never[] }),
};
