// Checks that several forms share. The server decides; these only save a round trip.
import { z } from "zod";

/** A name with something in it. */
export function name(message: string) {
  return z.string().trim().min(1, message).max(120, "Use at most 120 characters.");
}

export const email = z
  .string()
  .trim()
  .regex(/^[^\s@]+@[^\s@]+$/, "Enter an e-mail address, for example ada@example.org.");

export const reason = z
  .string()
  .trim()
  .min(1, "Say why; it stands in the log.")
  .max(500, "Use at most 500 characters.");

/** Of a share, with at most four decimals. */
export const percentage = z
  .string()
  .trim()
  .regex(
    /^(100(\.0{1,4})?|\d{1,2}(\.\d{1,4})?)$/,
    "Enter a percentage from 0 to 100, for example 20.",
  );

/** Of a bank transfer, for example. */
export const paymentReference = z
  .string()
  .trim()
  .min(1, "Enter the payment's reference.")
  .max(120, "Use at most 120 characters.");

/** A whole number typed into a text field. */
export function wholeNumber(message: string, max: number) {
  return z
    .string()
    .trim()
    .regex(/^[1-9]\d*$/, message)
    .refine((text) => Number(text) <= max, message);
}
