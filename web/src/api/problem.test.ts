import { describe, expect, it } from "vitest";
import { formProblem, ProblemError, parseProblem, problemOf } from "./problem";

const fields = ["name", "firstUser.name", "firstUser.email"];

describe("parseProblem", () => {
  it("keeps the server's words, code and numbers of a refusal", () => {
    const body = JSON.stringify({
      type: "about:blank",
      title: "Not enough credits",
      status: 409,
      code: "INSUFFICIENT_CREDITS",
      detail: "30 credits are needed, 15 are available: buy credits or choose a shorter period",
      needed: 30,
      available: 15,
      traceId: "abc",
    });
    expect(parseProblem(409, body)).toEqual({
      status: 409,
      code: "INSUFFICIENT_CREDITS",
      detail: "30 credits are needed, 15 are available: buy credits or choose a shorter period",
      remedy: undefined,
      fields: [],
      traceId: "abc",
    });
  });

  it.each(["", "<html>Bad gateway</html>", "[]", '{"detail":7}'])(
    "makes a sentence of a body that is no problem document: %j",
    (body) => {
      const problem = parseProblem(502, body);
      expect(problem.code).toBe("UNEXPECTED_ANSWER");
      expect(problem.detail).toContain("502");
    },
  );
});

describe("problemOf", () => {
  it("tells a refusal from a lost connection", () => {
    const refusal = parseProblem(404, '{"code":"NOT_FOUND","detail":"there is none"}');
    expect(problemOf(new ProblemError(refusal))).toBe(refusal);
    expect(problemOf(new TypeError("Failed to fetch")).code).toBe("UNREACHABLE");
  });
});

describe("formProblem", () => {
  const invalid = (errors: { field: string; detail: string }[]) =>
    parseProblem(
      400,
      JSON.stringify({ code: "INVALID_INPUT", detail: "the input is not valid", errors }),
    );

  it("puts messages beside their fields", () => {
    const errors = [{ field: "firstUser.email", detail: "this is no e-mail address" }];
    expect(formProblem(invalid(errors), fields)).toEqual({ fields: errors, message: undefined });
  });

  it("shows what belongs to no field above the form", () => {
    const split = formProblem(
      invalid([
        { field: "name", detail: "too long" },
        { field: "colour", detail: "unknown" },
      ]),
      fields,
    );
    expect(split.fields).toEqual([{ field: "name", detail: "too long" }]);
    expect(split.message).toBe("the input is not valid colour: unknown");
  });

  it("knows which field a taken address belongs to", () => {
    const taken = parseProblem(409, '{"code":"EMAIL_TAKEN","detail":"this address is taken"}');
    expect(formProblem(taken, fields)).toEqual({
      fields: [{ field: "firstUser.email", detail: "this address is taken" }],
      message: undefined,
    });
    expect(formProblem(taken, ["name"]).message).toBe("this address is taken");
  });
});
