/* media: what CSS alone cannot do for the phone: another order of reading. */
import { signal } from '@preact/signals';

const query = matchMedia('(max-width: 767px)');
export const phone = signal(query.matches);
query.addEventListener('change', () => {
  phone.value = query.matches;
});
