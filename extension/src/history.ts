// The latest instructions, newest first, and which of them to choose from while one is typed.

const KEPT = 20;

export function remembered(history: readonly string[], words: string): string[] {
    return [words, ...history.filter((one) => one !== words)].slice(0, KEPT);
}

/** What is typed comes first, so that Enter takes it; below it, earlier words that hold it. */
export function toChoose(typed: string, history: readonly string[]): string[] {
    const words = typed.trim();
    const fitting = history.filter((one) => one !== words && one.toLowerCase().includes(words.toLowerCase()));
    return words ? [words, ...fitting] : [...history];
}
