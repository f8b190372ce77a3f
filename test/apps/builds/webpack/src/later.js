export const later = () => console.log("came later");
