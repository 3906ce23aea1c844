/** Which groups are the announcement group of a community: messages in them say so. What the column means: ../schema.ts. */
export const announcementGroups = (): string[] => ['alter table contacts add column announcement_group integer']
