/** The one region there is: the machine or network that the platform runs on. */
export const region = { id: '59accabd-516d-4f0e-83e6-6e3757701145', name: 'local' };
