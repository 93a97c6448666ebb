// What several commands take or answer.
import { z } from "zod";

export const done = z.object({ position: z.string() });
export const moneySchema = z.object({ amountMinor: z.number(), currency: z.string() });

export interface NewPerson {
  name: string;
  email: string;
}

export interface StatusChange {
  id: string;
  to: "suspend" | "resume";
  reason: string;
}
